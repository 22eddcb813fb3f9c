//! From numbers to positions on a drawing.

use super::ticks::{Tick, log_ticks, ticks};
use crate::format::number;
use crate::panel::{Panel, Range, Series, Shape};

/// Space for the axes.
pub const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;
pub const TOP: f64 = 8.0;
const BOTTOM: f64 = 18.0;

/// Shares that take less than this part of 0 to 1 get a scale of their own: on the whole one, 0.92 and 0.97
/// are a hair apart.
const BUNCHED: f64 = 0.4;

/// The size of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Among others on a page.
    Tile,
    /// A page of its own.
    Large,
}

impl Size {
    /// The most points of a series.
    pub fn places(self) -> usize {
        match self {
            Self::Tile => 120,
            Self::Large => 400,
        }
    }

    /// Width and height.
    pub fn of(self) -> (f64, f64) {
        match self {
            Self::Tile => (420.0, 150.0),
            Self::Large => (960.0, 400.0),
        }
    }
}

/// From numbers to positions on the drawing.
pub struct Frame {
    pub width: f64,
    pub height: f64,
    pub x0: f64,
    pub x1: f64,
    pub y0: f64,
    pub y1: f64,
    /// Marks of the vertical axis.
    pub marks: Vec<Tick>,
    /// What a reader must know about the vertical axis.
    pub note: Option<String>,
    pub size: Size,
    log: bool,
}

impl Frame {
    /// A scale with room for everything that is drawn.
    pub fn of(panel: &Panel, size: Size) -> Self {
        let half = if panel.shape == Shape::Stacked { 0.5 } else { 0.0 };
        let x0 = panel.x.first().map_or(0.0, |&x| x as f64 - half);
        let x1 = panel.x.last().map_or(1.0, |&x| x as f64 + half);
        let Scale { low, high, marks, note, log } = Scale::of(panel);
        let y1 = marks.last().map_or(high, |mark| mark.at).max(high);
        let y0 = marks.first().map_or(low, |mark| mark.at).min(low);
        let (width, height) = size.of();
        let x1 = if x1 > x0 { x1 } else { x0 + 1.0 };
        Self { width, height, x0, x1, y0, y1, marks, note, size, log }
    }

    pub fn right(&self) -> f64 {
        self.width - RIGHT
    }

    pub fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// The x of a place on the horizontal axis.
    pub fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.x0) / (self.x1 - self.x0) * (self.right() - LEFT)
    }

    /// The y of a number.
    pub fn y(&self, y: f64) -> f64 {
        let part = if self.log {
            (y.max(self.y0) / self.y0).ln() / (self.y1 / self.y0).ln()
        } else {
            (y.clamp(self.y0, self.y1) - self.y0) / (self.y1 - self.y0)
        };
        self.bottom() - part * (self.bottom() - TOP)
    }
}

/// A vertical axis.
struct Scale {
    low: f64,
    high: f64,
    marks: Vec<Tick>,
    note: Option<String>,
    log: bool,
}

impl Scale {
    fn of(panel: &Panel) -> Self {
        let all = numbers(panel);
        let linear = |low: f64, high: f64, note| Self {
            low,
            high,
            marks: ticks(low, high),
            note,
            log: false,
        };
        let positive = || all.iter().copied().filter(|number| *number > 0.0);
        if panel.range == Range::Log && positive().next().is_some() {
            let (low, high) = ends(positive());
            let marks = log_ticks(low, high);
            let note = if positive().count() < all.len() {
                "log scale, without 0 and below"
            } else {
                "log scale"
            };
            return Self { low, high, marks, note: Some(note.into()), log: true };
        }
        if all.is_empty() {
            return linear(0.0, 1.0, None);
        }
        let (low, high) = ends(all.iter().copied());
        match panel.range {
            Range::Share if high - low < BUNCHED && panel.shape == Shape::Lines => {
                // A flat line needs some height.
                let room = (high - low).max(0.02);
                let middle = f64::midpoint(low, high);
                let (low, high) = (middle - room / 2.0, middle + room / 2.0);
                let mut scale = linear(low.max(0.0), high.min(1.0), None);
                scale.marks.retain(|mark| (-1e-9..=1.0 + 1e-9).contains(&mark.at));
                let outer = |mark: Option<&Tick>, end: f64, is_outside: fn(f64, f64) -> bool| {
                    let mark = mark.filter(|mark| is_outside(mark.at, end));
                    mark.map_or_else(|| number(end), |mark| mark.label.clone())
                };
                let first = outer(scale.marks.first(), scale.low, |at, end| at <= end);
                let last = outer(scale.marks.last(), scale.high, |at, end| at >= end);
                scale.note = Some(format!("axis from {first} to {last}"));
                scale
            }
            Range::Share | Range::Whole => linear(0.0_f64.min(low), 1.0_f64.max(high), None),
            Range::Zero => stretched(low.min(0.0), high, linear),
            Range::Free | Range::Log => stretched(low, high, linear),
        }
    }
}

/// A flat line needs some height, whatever its value.
fn stretched(low: f64, high: f64, linear: impl Fn(f64, f64, Option<String>) -> Scale) -> Scale {
    let least = if low == 0.0 { 1.0 } else { low.abs() };
    linear(low, if high > low { high } else { low + least }, None)
}

/// All numbers that are drawn.
fn numbers(panel: &Panel) -> Vec<f64> {
    let all: Vec<f64> = match panel.shape {
        Shape::Stacked => (0..panel.x.len())
            .map(|place| panel.series.iter().filter_map(|series| series.values[place]).sum())
            .collect(),
        Shape::Lines => {
            let of = |series: &Series| -> Vec<f64> {
                let bounds = [&series.low, &series.high].into_iter().flatten().flatten();
                series.values.iter().chain(bounds).copied().flatten().collect()
            };
            panel.series.iter().flat_map(of).collect()
        }
    };
    all.into_iter().filter(|number| number.is_finite()).collect()
}

/// The least and the greatest number.
fn ends(all: impl Iterator<Item = f64>) -> (f64, f64) {
    all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    })
}

/// To a tenth, which is enough for a drawing.
pub fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
