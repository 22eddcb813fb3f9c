//! A panel: a few series over steps, with the formula of its numbers and, if it is empty,
//! the reason. `chart` draws it; the API returns it unchanged.

use retrial_store::RunData;
use serde::Serialize;
use utoipa::ToSchema;

/// Series over steps.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Panel {
    /// Its name in URLs.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The formula of its numbers, in words.
    pub formula: String,
    /// The unit of the horizontal axis.
    pub over: Over,
    /// The kind of chart.
    pub shape: Shape,
    /// What becomes of lines at gaps.
    pub gaps: Gaps,
    /// The vertical axis.
    pub range: Range,
    /// The places on the horizontal axis.
    pub x: Vec<u64>,
    /// The series.
    pub series: Vec<Series>,
    /// Numbers shown beside the chart.
    pub figures: Vec<Figure>,
    /// Why it is empty, if it is.
    pub empty: Option<&'static str>,
}

/// One number for each place on the horizontal axis.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Whether it is drawn in the background, like raw numbers behind smoothed ones.
    pub faint: bool,
    /// The numbers; none where nothing was measured.
    pub values: Vec<Option<f64>>,
    /// The lower ends of the confidence intervals.
    pub low: Option<Vec<Option<f64>>>,
    /// The upper ends of the confidence intervals.
    pub high: Option<Vec<Option<f64>>>,
}

/// A number beside the chart.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// The unit of a horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Training steps.
    Step,
    /// Versions of the weights: as many as steps were taken.
    WeightVersion,
    /// Sampled tokens of both trials since the run began.
    Tokens,
    /// Seconds of the steps since the run began.
    Seconds,
}

impl Over {
    /// It in words, for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::WeightVersion => "weight version",
            Self::Tokens => "sampled tokens",
            Self::Seconds => "time of training",
        }
    }

    /// It as the name of a column.
    pub fn key(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::WeightVersion => "weight_version",
            Self::Tokens => "tokens",
            Self::Seconds => "seconds",
        }
    }
}

/// What becomes of a line where there are no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// It is interrupted: nothing was measured.
    Open,
    /// It goes on: other series have numbers at other places.
    Joined,
}

/// The kind of chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A line for each series.
    Lines,
    /// Stacked areas.
    Stacked,
}

/// The range of a vertical axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// Shares: from 0 to 1, or where they lie close together from the least to the greatest.
    Share,
    /// From 0 to 1, wherever the numbers are.
    Whole,
    /// From 0 to the greatest number.
    Zero,
    /// From the least to the greatest number.
    Free,
    /// Powers of ten.
    Log,
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
            gaps: Gaps::Open,
            range: Range::Zero,
            x: data.step_numbers(),
            series: Vec::new(),
            figures: Vec::new(),
            empty: None,
        }
    }

    /// Sets the vertical axis.
    pub(crate) fn range(mut self, range: Range) -> Self {
        self.range = range;
        self
    }

    /// Stacks the series.
    pub(crate) fn stacked(mut self) -> Self {
        self.shape = Shape::Stacked;
        self
    }

    /// Adds a series.
    pub(crate) fn series(mut self, name: &str, values: Vec<Option<f64>>) -> Self {
        self.series.push(Series::new(name, values));
        self
    }

    /// Adds a number beside the chart, if there is one.
    pub(crate) fn figure(mut self, name: &str, value: Option<f64>) -> Self {
        self.figures.extend(value.map(|value| Figure { name: name.into(), value }));
        self
    }

    /// Sets the reason why it is empty, if it is.
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
    /// A series without confidence intervals.
    pub fn new(name: &str, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), faint: false, values, low: None, high: None }
    }

    /// The last number.
    pub fn last(&self) -> Option<f64> {
        self.values.iter().rev().find_map(|value| *value)
    }
}
