//! How a run is: the header of its pages.

use retrial_live::{ActivityNow, Snapshot, Status};
use retrial_report::format::{now, roughly};
use retrial_store::RunNumbers;
use serde::Serialize;
use utoipa::ToSchema;

/// A run whose log has not changed for longer is not known to run.
const FRESH_SECONDS: f64 = 60.0;

/// How a run is, from its log and, where this process trains it, from what it does now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunStatus {
    /// The run.
    pub run: String,
    /// How it is, in a word or a few.
    pub word: String,
    /// What kind of word that is.
    pub tone: Tone,
    /// Whether this process trains it.
    pub live: bool,
    /// The step under way, or the last one.
    pub step: u64,
    /// Steps in all, where that is known.
    pub steps: Option<u64>,
    /// What it is doing.
    pub activities: Vec<ActivityNow>,
    /// The last version that was seen to be served.
    pub weight_version: u64,
    /// Seconds to the end, by the last steps.
    pub eta_seconds: Option<f64>,
    /// Sampled tokens a second of rollouts, over the last steps.
    pub tokens_per_second: Option<f64>,
    /// Seconds since the log changed.
    pub last_change_seconds: f64,
}

/// Kinds of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// It goes on.
    Good,
    /// It waits for something or someone.
    Waiting,
    /// Something is wrong.
    Bad,
    /// It is over, or another process trains it.
    Quiet,
}

impl RunStatus {
    /// How a run is. `live` is of the run that this process trains, whichever that is.
    pub fn of(run: &str, numbers: &RunNumbers, live: Option<&Snapshot>) -> Self {
        let live = live.filter(|live| live.run == run);
        let age = numbers.changed.map_or(0.0, |changed| (now() - changed).max(0.0));
        let (word, tone) = live.map_or_else(|| logged_word(age), live_word);
        let steps = live.map(|live| live.steps);
        // What has ended trains no more, though its process still knows it.
        let trains = live.is_some_and(|live| live.status != Status::Ended);
        let left = steps.map(|steps| steps.saturating_sub(numbers.committed));
        Self {
            run: run.into(),
            word,
            tone,
            live: trains,
            step: numbers.begun.unwrap_or_default().max(numbers.committed),
            steps,
            activities: live.map(|live| live.activities.clone()).unwrap_or_default(),
            weight_version: numbers.version.unwrap_or_default(),
            eta_seconds: left.zip(numbers.step_seconds).map(|(left, each)| left as f64 * each),
            tokens_per_second: numbers.tokens_per_second,
            last_change_seconds: age,
        }
    }
}

fn live_word(live: &Snapshot) -> (String, Tone) {
    match &live.status {
        Status::Running if live.pending.stop => ("stops after this step".into(), Tone::Waiting),
        Status::Running if live.pending.pause => ("pauses after this step".into(), Tone::Waiting),
        Status::Running => ("running".into(), Tone::Good),
        Status::Paused { seconds } => (format!("paused {}", roughly(*seconds)), Tone::Waiting),
        Status::Waiting { what, seconds } => {
            (format!("waiting {} for {what}", roughly(*seconds)), Tone::Waiting)
        }
        Status::Stalled { seconds } => (format!("stalled {}", roughly(*seconds)), Tone::Bad),
        Status::Ended => ("ended".into(), Tone::Quiet),
    }
}

/// The log does not say whether anyone trains.
fn logged_word(age: f64) -> (String, Tone) {
    let tone = if age < FRESH_SECONDS { Tone::Good } else { Tone::Quiet };
    (format!("not running here; last entry {} ago", roughly(age)), tone)
}
