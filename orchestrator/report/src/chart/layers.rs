//! Stacked areas, and their symbols.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::scale::{Frame, round};
use crate::panel::Panel;

/// Number of series styles in the style sheet.
pub const LOOKS: usize = 6;

/// Each series as a layer of steps, the first at the bottom.
pub fn layers(frame: &Frame, panel: &Panel) -> Markup {
    let count = panel.x.len();
    let edge = |place: usize| {
        let x = |place: usize| panel.x[place] as f64;
        match place {
            0 => frame.x0,
            _ if place == count => frame.x1,
            _ => f64::midpoint(x(place - 1), x(place)),
        }
    };
    let mut floor = vec![0.0; count];
    let mut drawn = Vec::new();
    for series in &panel.series {
        let values = series.values.iter().map(|value| value.unwrap_or_default());
        let top: Vec<f64> = floor.iter().zip(values).map(|(floor, value)| floor + value).collect();
        let mut path = format!("M{} {}", round(frame.x(edge(0))), round(frame.y(top[0])));
        for (place, top) in top.iter().enumerate() {
            let _ = write!(path, "V{}H{}", round(frame.y(*top)), round(frame.x(edge(place + 1))));
        }
        for (place, floor) in floor.iter().enumerate().rev() {
            let _ = write!(path, "V{}H{}", round(frame.y(*floor)), round(frame.x(edge(place))));
        }
        path.push('Z');
        drawn.push(path);
        floor = top;
    }
    html! {
        @for (place, path) in drawn.iter().enumerate() {
            path.{ "a" (place % LOOKS) } d=(path) {}
            @if let Some(fill) = hatch(place) { path fill=(fill) d=(path) {} }
        }
    }
}

/// Lines of the hatches; the first layer has none.
const HATCHES: [&str; LOOKS - 1] = ["M0 6L6 0", "M3 0V6", "M0 0L6 6", "M0 3H6", "M0 0L6 6M0 6L6 0"];

/// The pattern on top of a layer's colour.
pub fn hatch(place: usize) -> Option<String> {
    let look = place % LOOKS;
    (look > 0).then(|| format!("url(#h{look})"))
}

/// A layer's symbol for the legend.
pub fn swatch(place: usize) -> Markup {
    html! {
        svg.key viewBox="0 0 22 10" aria-hidden="true" { (layer(place)) }
    }
}

/// The content of a layer's symbol.
pub fn layer(place: usize) -> Markup {
    html! {
        rect.{ "a" (place % LOOKS) } width="22" height="10" {}
        @if let Some(fill) = hatch(place) { rect fill=(fill) width="22" height="10" {} }
    }
}

/// The patterns of the layers: once on a page.
pub fn hatches() -> Markup {
    html! {
        svg.hatches aria-hidden="true" { (patterns()) }
    }
}

/// The patterns of the layers as definitions inside an SVG.
pub fn patterns() -> Markup {
    html! {
        defs {
            @for (place, path) in HATCHES.iter().enumerate() {
                pattern id={ "h" (place + 1) } width="6" height="6" patternUnits="userSpaceOnUse" {
                    path.hatch d=(path) {}
                }
            }
        }
    }
}
