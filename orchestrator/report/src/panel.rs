//! A panel: a few series over steps, with the formula of its numbers and, where there is nothing to
//! show, the reason why. `chart` draws it; the API answers it as it stands.

use retrial_store::RunData;
use serde::Serialize;
use utoipa::ToSchema;

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

impl Panel {
    /// A panel over the steps of a run: lines from 0.
    pub(crate) fn over_steps(data: &RunData, id: &str, title: &str, formula: &str) -> Self {
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

    /// With another vertical axis.
    pub(crate) fn range(mut self, range: Range) -> Self {
        self.range = range;
        self
    }

    /// With its series on top of each other.
    pub(crate) fn stacked(mut self) -> Self {
        self.shape = Shape::Stacked;
        self
    }

    /// With one more series.
    pub(crate) fn series(mut self, name: &str, values: Vec<Option<f64>>) -> Self {
        self.series.push(Series::new(name, values));
        self
    }

    /// With one more number beside the chart, if there is one.
    pub(crate) fn figure(mut self, name: &str, value: Option<f64>) -> Self {
        self.figures.extend(value.map(|value| Figure { name: name.into(), value }));
        self
    }

    /// Says why there is nothing to see if there is nothing.
    pub(crate) fn or_empty(mut self, reason: &'static str) -> Self {
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
