//! Panels as SVG: lines with bands, or layers on top of each other.
//!
//! Colours come from the style sheet, so that light and dark need one drawing; no series is told
//! from another by its colour alone: lines have dashes, layers have hatches, and the legend names
//! each with its last number. Long series are drawn by the means of their parts, the JSON twin has
//! every number.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::format::number;
use super::panels::{Over, Panel, Range, Series, Shape};

/// How wide a drawing is.
pub const WIDTH: f64 = 420.0;
/// How high a drawing is.
pub const HEIGHT: f64 = 150.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 18.0;
/// Places that a series is drawn at, at most.
const PLACES: usize = 120;
/// Looks that the style sheet has for series.
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

/// A panel as what is inside an SVG of [`WIDTH`] x [`HEIGHT`], without its legend.
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

/// What is in the chart, for those who cannot see it.
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

/// A series' look: what is inside an SVG of 22 x 10.
pub fn key(shape: Shape, series: &Series, place: usize) -> Markup {
    html! {
        @match shape {
            Shape::Stacked => (layer(place)),
            Shape::Lines => path.{ "l" (place % LOOKS) @if series.faint { " faint" } } d="M0 5H22" {},
        }
    }
}

/// Where numbers are on the picture.
struct Frame {
    x0: f64,
    x1: f64,
    y0: f64,
    y1: f64,
    ticks: Vec<f64>,
}

impl Frame {
    fn of(panel: &Panel) -> Self {
        let half = if panel.shape == Shape::Stacked { 0.5 } else { 0.0 };
        let x0 = panel.x.first().map_or(0.0, |&x| x as f64 - half);
        let x1 = panel.x.last().map_or(1.0, |&x| x as f64 + half);
        let (low, high) = span(panel);
        let ticks = ticks(low, high);
        let y1 = ticks.last().copied().unwrap_or(high).max(high);
        let y0 = ticks.first().copied().unwrap_or(low).min(low);
        Self { x0, x1: if x1 > x0 { x1 } else { x0 + 1.0 }, y0, y1, ticks }
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.y0) / (self.y1 - self.y0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The least and the greatest number that are drawn.
fn span(panel: &Panel) -> (f64, f64) {
    if panel.range == Range::Share {
        return (0.0, 1.0);
    }
    let all: Vec<f64> = match panel.shape {
        Shape::Stacked => (0..panel.x.len())
            .map(|place| panel.series.iter().filter_map(|series| series.values[place]).sum())
            .collect(),
        Shape::Lines => {
            let ends = |series: &Series| [&series.low, &series.high].map(Clone::clone);
            let numbers = panel.series.iter().flat_map(|series| {
                let ends = ends(series).into_iter().flatten().flatten();
                series.values.iter().copied().chain(ends).flatten().collect::<Vec<_>>()
            });
            numbers.filter(|number| number.is_finite()).collect()
        }
    };
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if least > greatest {
        return (0.0, 1.0);
    }
    let low = if panel.range == Range::Zero { least.min(0.0) } else { least };
    if greatest > low {
        return (low, greatest);
    }
    // A flat line: it needs some height, whatever it is.
    (low, low + if low == 0.0 { 1.0 } else { low.abs() })
}

/// Round numbers across a span, three to six of them; the last is not below its end.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 3.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    (0..=(last - first) as usize).map(|place| (first + place as f64) * step).collect()
}

fn axes(frame: &Frame, over: Over) -> Markup {
    let right = WIDTH - RIGHT;
    let ends = [(frame.x0.ceil(), "start"), (frame.x1.floor(), "end")];
    let word = match over {
        Over::Step => "step",
        Over::WeightVersion => "weight version",
    };
    html! {
        @for tick in &frame.ticks {
            @let y = round(frame.y(*tick));
            path.grid d={ "M" (LEFT) " " (y) "H" (right) } {}
            text x=(LEFT - 4.0) y=(y + 3.5) text-anchor="end" { (mark(*tick)) }
        }
        @for (x, anchor) in ends {
            text x=(round(frame.x(x))) y=(HEIGHT - 4.0) text-anchor=(anchor) { (number(x)) }
        }
        text x=(f64::midpoint(LEFT, right)) y=(HEIGHT - 4.0) text-anchor="middle" { (word) }
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
    // A line through one place would not be seen.
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

/// The area between two lines, where both are.
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

/// What a layer is filled with on top of its colour.
pub fn hatch(place: usize) -> Option<String> {
    let look = place % LOOKS;
    (look > 0).then(|| format!("url(#h{look})"))
}

/// A layer's look, for a legend.
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

/// The same, for inside an SVG.
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

/// What can be drawn of a panel; of a long one the means of its parts.
fn thinned(panel: &Panel) -> Panel {
    let count = panel.x.len();
    let mut thin = panel.clone();
    for value in thin.series.iter_mut().flat_map(|series| &mut series.values) {
        *value = value.filter(|value| value.is_finite());
    }
    if count <= PLACES {
        return thin;
    }
    let part = |place: usize| place * count / PLACES..(place + 1) * count / PLACES;
    let means = |values: &Vec<Option<f64>>| -> Vec<Option<f64>> {
        let mean = |place| {
            let values: Vec<f64> = values[part(place)].iter().copied().flatten().collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        (0..PLACES).map(mean).collect()
    };
    thin.x = (0..PLACES)
        .map(|place| panel.x[usize::midpoint(part(place).start, part(place).end)])
        .collect();
    // The ends of the axis stay where they are.
    thin.x[0] = panel.x[0];
    thin.x[PLACES - 1] = panel.x[count - 1];
    for series in &mut thin.series {
        series.values = means(&series.values);
        series.low = series.low.as_ref().map(means);
        series.high = series.high.as_ref().map(means);
    }
    thin
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A round number, without the zeros that say nothing.
fn mark(tick: f64) -> String {
    // Takes away what adding up binary fractions leaves.
    let tick = format!("{tick:.10}").parse().unwrap_or(tick);
    let shown = number(tick);
    if shown.contains('.') && !shown.contains('e') {
        return shown.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn ticks_are_round_and_cover_the_span() {
        let cases: [(f64, f64, &[f64]); 4] = [
            (0.0, 1.0, &[0.0, 0.5, 1.0]),
            (0.0, 48.0, &[0.0, 20.0, 40.0, 60.0]),
            (-0.3, 0.4, &[-0.5, -0.25, 0.0, 0.25, 0.5]),
            (1e-5, 4e-5, &[1e-5, 2e-5, 3e-5, 4e-5]),
        ];
        for (low, high, expected) in cases {
            let found = ticks(low, high);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }

    #[test]
    fn ticks_are_short() {
        let shown = [0.1 + 0.2, 0.5, 100.0, 2e-7, 0.0, 1.5].map(mark);
        assert_eq!(shown, ["0.3", "0.5", "100", "2.0e-7", "0", "1.5"]);
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
