//! The panels of an overview: pure functions of what the log has of a run.
//!
//! A panel is a few series over steps, with the formula of its numbers and, where there is nothing
//! to show, the reason why. `chart` draws it; the API answers it as it stands.

mod held_out;
mod learning;
mod machines;
mod trials;

use serde::Serialize;
use utoipa::ToSchema;

use super::queries::overview::RunData;

/// Panels that answer one question of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Section {
    /// The question.
    pub title: &'static str,
    /// Its panels, the most telling first.
    pub panels: Vec<Panel>,
}

/// Series over steps.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Panel {
    /// Its name in addresses.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What its numbers are.
    pub formula: String,
    /// What the horizontal axis counts.
    pub over: Over,
    /// How it is drawn.
    pub shape: Shape,
    /// The vertical axis.
    pub range: Range,
    /// The places on the horizontal axis.
    pub x: Vec<u64>,
    /// The series.
    pub series: Vec<Series>,
    /// Numbers that are told beside the chart.
    pub figures: Vec<Figure>,
    /// Why there is nothing to see, if there is not.
    pub empty: Option<&'static str>,
}

/// A number a place.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Whether it stands back, as raw numbers behind smoothed ones.
    pub faint: bool,
    /// The numbers; none where nothing was measured.
    pub values: Vec<Option<f64>>,
    /// The ends of the confidence interval of each number.
    pub low: Option<Vec<Option<f64>>>,
    /// The same.
    pub high: Option<Vec<Option<f64>>>,
}

/// A number that is told.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// What a horizontal axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Training steps.
    Step,
    /// Versions of the weights: as many as steps were taken.
    WeightVersion,
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A line a series.
    Lines,
    /// On top of each other.
    Stacked,
}

/// What a vertical axis spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// From 0 to 1.
    Share,
    /// From 0 to the greatest number.
    Zero,
    /// From the least to the greatest number.
    Free,
}

/// All panels of a run.
pub fn sections(data: &RunData) -> Vec<Section> {
    let mut better = held_out::panels(data);
    better.push(held_out::reward(data));
    vec![
        Section { title: "Does it get better?", panels: better },
        Section {
            title: "Do mistakes turn into successes?",
            panels: vec![
                trials::outcomes(data),
                trials::rescues(data),
                trials::graduations(data),
                trials::coverage(data),
                trials::repeats(data),
            ],
        },
        Section {
            title: "Does it learn soundly?",
            panels: vec![
                learning::effective_batch(data),
                learning::entropy(data),
                learning::mismatch(data),
                learning::lengths(data),
                learning::unfinished(data),
                learning::loss(data),
                learning::gradient(data),
                learning::clipping(data),
                learning::rho(data),
            ],
        },
        Section {
            title: "Where does the time go?",
            panels: vec![
                machines::time(data),
                machines::tokens(data),
                machines::push(data),
                machines::staleness(data),
            ],
        },
    ]
}

impl Panel {
    /// A panel over the steps of a run: lines from 0.
    fn over_steps(data: &RunData, id: &str, title: &str, formula: &str) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            formula: formula.into(),
            over: Over::Step,
            shape: Shape::Lines,
            range: Range::Zero,
            x: data.step_numbers(),
            series: Vec::new(),
            figures: Vec::new(),
            empty: None,
        }
    }

    fn range(mut self, range: Range) -> Self {
        self.range = range;
        self
    }

    fn stacked(mut self) -> Self {
        self.shape = Shape::Stacked;
        self
    }

    fn series(mut self, name: &str, values: Vec<Option<f64>>) -> Self {
        self.series.push(Series::new(name, values));
        self
    }

    fn figure(mut self, name: &str, value: Option<f64>) -> Self {
        self.figures.extend(value.map(|value| Figure { name: name.into(), value }));
        self
    }

    /// Says why there is nothing to see if there is nothing.
    fn or_empty(mut self, reason: &'static str) -> Self {
        let nothing = self.series.iter().all(|series| series.values.iter().all(Option::is_none));
        if nothing {
            self.empty = Some(if self.x.is_empty() { NO_STEP } else { reason });
        }
        self
    }
}

const NO_STEP: &str = "No step is complete yet.";

impl Series {
    /// A series without an interval.
    pub fn new(name: &str, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), faint: false, values, low: None, high: None }
    }

    /// The last number.
    pub fn last(&self) -> Option<f64> {
        self.values.iter().rev().find_map(|value| *value)
    }
}

/// Quotients, none where there is nothing to divide by.
fn ratio(above: &[Option<f64>], below: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = above.iter().zip(below);
    pairs
        .map(|(above, below)| {
            let below = (*below).filter(|&below| below > 0.0)?;
            Some((*above)? / below)
        })
        .collect()
}

/// Running means that forget: each number counts half as much as `span` / 3 steps later.
fn smoothed(values: &[Option<f64>], span: f64) -> Vec<Option<f64>> {
    let weight = 2.0 / (span + 1.0);
    let mut mean = None;
    values
        .iter()
        .map(|value| {
            let value = (*value)?;
            let next = mean.map_or(value, |mean: f64| mean + weight * (value - mean));
            mean = Some(next);
            mean
        })
        .collect()
}

#[cfg(test)]
mod tests;
