//! Lines with the bands of their intervals.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::scale::{Frame, round};
use crate::panel::{Gaps, Panel, Series};

/// Points of a line over gaps up to which each is marked: between them nothing was measured.
const MARKED: usize = 60;

/// A series as a line.
pub fn line(frame: &Frame, panel: &Panel, series: &Series, look: usize) -> Markup {
    let x = &panel.x;
    let point = |place: usize, value: f64| {
        format!("{} {}", round(frame.x(x[place] as f64)), round(frame.y(value)))
    };
    let joined = panel.gaps == Gaps::Joined;
    let mut path = String::new();
    let mut open = false;
    for (place, value) in series.values.iter().enumerate() {
        match value {
            Some(value) => {
                let _ = write!(path, "{}{}", if open { 'L' } else { 'M' }, point(place, *value));
                open = true;
            }
            None => open &= joined,
        }
    }
    html! {
        @if let (Some(low), Some(high)) = (&series.low, &series.high) {
            path.{ "band b" (look) } d=(band(frame, x, low, high)) {}
        }
        path.{ "l" (look) @if series.faint { " faint" } } d=(path) {}
        @for place in marked(series, panel.gaps) {
            @let value = series.values[place].unwrap_or_default();
            circle.{ "d" (look) } cx=(round(frame.x(x[place] as f64))) cy=(round(frame.y(value))) r="2.5" {}
        }
    }
}

/// The places that get a dot: a line through one point would be invisible, and a line over gaps does not
/// show where there are numbers.
fn marked(series: &Series, gaps: Gaps) -> Vec<usize> {
    let there = |place: Option<usize>| {
        place.and_then(|place| series.values.get(place)).copied().flatten().is_some()
    };
    let places = (0..series.values.len()).filter(|place| there(Some(*place)));
    match gaps {
        Gaps::Open => {
            let alone = |place: &usize| !there(place.checked_sub(1)) && !there(Some(place + 1));
            places.filter(alone).collect()
        }
        Gaps::Joined => {
            let places: Vec<usize> = places.collect();
            if places.len() <= MARKED { places } else { Vec::new() }
        }
    }
}

/// The area between two lines, where both exist.
fn band(frame: &Frame, x: &[u64], low: &[Option<f64>], high: &[Option<f64>]) -> String {
    let places: Vec<usize> =
        (0..x.len()).filter(|&place| low[place].is_some() && high[place].is_some()).collect();
    let ends = |place: &usize, values: &[Option<f64>]| {
        let y = frame.y(values[*place].unwrap_or_default());
        format!("{} {}", round(frame.x(x[*place] as f64)), round(y))
    };
    let there = places.iter().map(|place| ends(place, high));
    let back = places.iter().rev().map(|place| ends(place, low));
    let points: Vec<String> = there.chain(back).collect();
    if points.is_empty() { String::new() } else { format!("M{}Z", points.join("L")) }
}
