//! Scales and axes of a drawing.

use maud::{Markup, html};

use crate::format::number;
use crate::panel::{Over, Panel, Range, Series, Shape};

/// Width of a drawing.
pub const WIDTH: f64 = 420.0;
/// Height of a drawing.
pub const HEIGHT: f64 = 150.0;
pub const LEFT: f64 = 40.0;
pub const RIGHT: f64 = 8.0;
pub const TOP: f64 = 8.0;
pub const BOTTOM: f64 = 18.0;
/// From numbers to positions on the drawing.
pub struct Frame {
    pub x0: f64,
    pub x1: f64,
    pub y0: f64,
    pub y1: f64,
    pub ticks: Vec<f64>,
}

impl Frame {
    /// A scale with room for everything that is drawn.
    pub fn of(panel: &Panel) -> Self {
        let half = if panel.shape == Shape::Stacked { 0.5 } else { 0.0 };
        let x0 = panel.x.first().map_or(0.0, |&x| x as f64 - half);
        let x1 = panel.x.last().map_or(1.0, |&x| x as f64 + half);
        let (low, high) = span(panel);
        let ticks = ticks(low, high);
        let y1 = ticks.last().copied().unwrap_or(high).max(high);
        let y0 = ticks.first().copied().unwrap_or(low).min(low);
        Self { x0, x1: if x1 > x0 { x1 } else { x0 + 1.0 }, y0, y1, ticks }
    }

    /// The x of a place on the horizontal axis.
    pub fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)
    }

    /// The y of a number.
    pub fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.y0) / (self.y1 - self.y0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The least and the greatest number.
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
    // A flat line needs some height, whatever its value.
    (low, low + if low == 0.0 { 1.0 } else { low.abs() })
}

/// Round numbers across a span, three to six of them; the last is at or above its end.
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

/// The axes.
pub fn axes(frame: &Frame, over: Over) -> Markup {
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

/// To a tenth, which is enough for a drawing.
pub fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A round number, without trailing zeros.
fn mark(tick: f64) -> String {
    // Removes the rounding errors of binary fractions.
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
}
