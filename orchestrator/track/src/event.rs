//! The events sent to a tracker.

use std::collections::BTreeMap;

use serde::Serialize;

/// An event of a run. In JSON the key `event` has its kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run starts or resumes. Always the first line.
    Run {
        /// The run's name, unique in its log.
        run: String,
        /// A name that is unique among logs too, made of letters, digits and `-_.`.
        id: String,
        /// Whether the run has done steps before. They follow as replayed events.
        resumed: bool,
        /// Steps that the run is to make.
        steps: u64,
        /// Its configuration.
        config: serde_json::Value,
        /// Every metric that a step can have.
        metrics: Vec<MetricInfo>,
    },
    /// A step is done and in the log.
    Step {
        /// The step, from 1.
        step: u64,
        /// Its numbers by name. Numbers that are not finite are left out.
        metrics: BTreeMap<String, f64>,
        /// Whether an earlier process made it.
        replayed: bool,
    },
    /// The weights that a step made were evaluated; 0 are the weights before training.
    Evaluation {
        /// The step.
        step: u64,
        /// Scores: `held_out/SET/pass_at_1` and `held_out/SET/pass_at_K`.
        metrics: BTreeMap<String, f64>,
        /// Whether an earlier process made it.
        replayed: bool,
    },
    /// The run warns of something.
    Warning {
        /// The step that had begun last, if any.
        step: Option<u64>,
        /// `warning` or `error`.
        level: &'static str,
        /// What it says.
        message: String,
    },
    /// The run ends. Without it the run was killed.
    End {
        /// How it ended.
        outcome: Outcome,
        /// Why, if it failed.
        message: Option<String>,
    },
}

/// What a metric is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetricInfo {
    /// Its name.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: &'static str,
    /// What it is.
    pub formula: &'static str,
    /// The panel of the dashboard that shows it.
    pub panel: &'static str,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has made its steps, or sampled its tokens.
    Finished,
    /// A person stopped it. It can be resumed.
    Stopped,
    /// Something went wrong. It can be resumed after a fix.
    Failed,
}
