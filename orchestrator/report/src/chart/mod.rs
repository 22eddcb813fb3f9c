//! Panels as SVG: lines with bands, or layers on top of each other.
//!
//! Colours come from the style sheet, so that light and dark use the same drawing; no series is identified
//! by its colour alone: lines have dashes, layers have hatches, and the legend shows
//! each with its last number. Long series are drawn by the means of their parts; the JSON has
//! every number.

mod scale;
mod thin;

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::format::number;
use crate::panel::{Panel, Series, Shape};

use scale::{Frame, LEFT, RIGHT, axes, round};
use thin::thinned;

pub use scale::{HEIGHT, WIDTH};

/// Number of series styles in the style sheet.
const LOOKS: usize = 6;

/// A panel as a chart with its legend.
pub fn chart(panel: &Panel) -> Markup {
    if let Some(reason) = panel.empty {
        return html! { p.empty { (reason) } };
    }
    let drawn = thinned(panel);
    let frame = Frame::of(&drawn);
    html! {
        (legend(panel))
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label(panel))
            data-left=(LEFT) data-right=(WIDTH - RIGHT) data-from=(frame.x0) data-to=(frame.x1) {
            (content(&frame, &drawn))
        }
    }
}

/// The content of an SVG of [`WIDTH`] x [`HEIGHT`], without a legend.
pub fn drawing(panel: &Panel) -> Markup {
    let drawn = thinned(panel);
    content(&Frame::of(&drawn), &drawn)
}

fn content(frame: &Frame, drawn: &Panel) -> Markup {
    html! {
        (axes(frame, drawn.over))
        @match drawn.shape {
            Shape::Lines => @for (place, series) in drawn.series.iter().enumerate().rev() {
                (line(frame, &drawn.x, series, place % LOOKS))
            }
            Shape::Stacked => (layers(frame, drawn)),
        }
    }
}

/// A text alternative of the chart.
fn label(panel: &Panel) -> String {
    let mut text = format!("{}.", panel.title);
    for series in &panel.series {
        let first = series.values.iter().find_map(|value| *value);
        if let Some((first, last)) = first.zip(series.last()) {
            let _ = write!(text, " {}: from {} to {}.", series.name, number(first), number(last));
        }
    }
    text
}

fn legend(panel: &Panel) -> Markup {
    html! {
        ul.legend {
            @for (place, series) in panel.series.iter().enumerate() {
                @let look = place % LOOKS;
                li {
                    svg.key viewBox="0 0 22 10" aria-hidden="true" { (key(panel.shape, series, look)) }
                    (series.name) " "
                    b { @match series.last() { Some(value) => (number(value)), None => "–" } }
                }
            }
            @for figure in &panel.figures {
                li { (figure.name) " " b { (number(figure.value)) } }
            }
        }
    }
}

/// A series' symbol for the legend: the content of an SVG of 22 x 10.
pub fn key(shape: Shape, series: &Series, place: usize) -> Markup {
    html! {
        @match shape {
            Shape::Stacked => (layer(place)),
            Shape::Lines => path.{ "l" (place % LOOKS) @if series.faint { " faint" } } d="M0 5H22" {},
        }
    }
}

fn line(frame: &Frame, x: &[u64], series: &Series, look: usize) -> Markup {
    let point = |place: usize, value: f64| {
        format!("{} {}", round(frame.x(x[place] as f64)), round(frame.y(value)))
    };
    let path = |values: &[Option<f64>]| {
        let mut path = String::new();
        let mut open = false;
        for (place, value) in values.iter().enumerate() {
            let Some(value) = *value else {
                open = false;
                continue;
            };
            let _ = write!(path, "{}{}", if open { 'L' } else { 'M' }, point(place, value));
            open = true;
        }
        path
    };
    // A line through one point would be invisible.
    let alone = |place: &usize| {
        let there = |place: Option<usize>| {
            place.and_then(|place| series.values.get(place)).copied().flatten().is_some()
        };
        there(Some(*place)) && !there(place.checked_sub(1)) && !there(Some(place + 1))
    };
    html! {
        @if let (Some(low), Some(high)) = (&series.low, &series.high) {
            path.{ "band b" (look) } d=(band(frame, x, low, high)) {}
        }
        path.{ "l" (look) @if series.faint { " faint" } } d=(path(&series.values)) {}
        @for place in (0..x.len()).filter(alone) {
            @let value = series.values[place].unwrap_or_default();
            circle.{ "d" (look) } cx=(round(frame.x(x[place] as f64))) cy=(round(frame.y(value))) r="2.5" {}
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

/// Each series as a layer of steps, the first at the bottom.
fn layers(frame: &Frame, panel: &Panel) -> Markup {
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

fn layer(place: usize) -> Markup {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::{Over, Range};

    fn panel(shape: Shape, x: Vec<u64>, values: Vec<Vec<Option<f64>>>) -> Panel {
        let series = values.into_iter().map(|values| Series::new("<s>", values)).collect();
        Panel {
            id: "p".into(),
            title: "T".into(),
            formula: String::new(),
            over: Over::Step,
            shape,
            range: Range::Zero,
            x,
            series,
            figures: Vec::new(),
            empty: None,
        }
    }

    #[test]
    fn gaps_stay_gaps_and_lone_places_are_dots() {
        let values = vec![Some(1.0), Some(2.0), Some(f64::NAN), Some(3.0), None, Some(2.0)];
        let drawn = chart(&panel(Shape::Lines, (1..=6).collect(), vec![values])).into_string();
        assert!(drawn.contains("d=\"M40 "), "{drawn}");
        assert_eq!(drawn.matches("<circle").count(), 2, "{drawn}");
        assert!(drawn.contains("&lt;s&gt;") && !drawn.contains("<s>"));
    }

    #[test]
    fn a_single_step_is_seen() {
        let one = |shape| chart(&panel(shape, vec![1], vec![vec![Some(3.0)]])).into_string();
        assert!(one(Shape::Lines).contains("<circle"));
        assert!(one(Shape::Stacked).contains("H412"), "{}", one(Shape::Stacked));
    }

    #[test]
    fn long_series_stay_small() {
        let many = 100_000;
        let values = (0..many).map(|i| Some((f64::from(i) / 1000.0).sin())).collect();
        let x = (1..=u64::try_from(many).unwrap()).collect();
        let drawn = chart(&panel(Shape::Lines, x, vec![values])).into_string();
        assert!(drawn.len() < 4000, "{}", drawn.len());
        assert!(drawn.contains("100\u{202f}000"), "the axis keeps its end");
    }
}
