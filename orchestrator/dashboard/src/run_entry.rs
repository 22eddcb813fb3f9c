//! A run in the list of runs, with its status.

use retrial_live::Snapshot;
use retrial_report::format::now;
use retrial_store::{LastProcess, RunLine};
use serde::Serialize;
use utoipa::ToSchema;

use crate::status::{Tone, word};

/// A run in the list of runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunEntry {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: String,
    /// When it began.
    pub started_at: String,
    /// Steps that are complete.
    pub steps: u64,
    /// Reward of the last step's first trial: the share of correct un-hinted rollouts.
    pub reward: Option<f64>,
    /// Held-out sets with Pass@1 at their last evaluation: `name 0.938, ...`.
    pub held_out: Option<String>,
    /// Seconds since 1970 of the last entry.
    pub last_change: Option<f64>,
    /// Its status, in a few words.
    pub status: String,
    /// Kind of status.
    pub tone: Tone,
}

impl RunEntry {
    /// A run and its last process. `live` is the state of the run that this process trains.
    pub fn of(line: RunLine, process: Option<&LastProcess>, live: Option<&Snapshot>) -> Self {
        let RunLine { name, method, started_at, steps, reward, held_out, last_change } = line;
        let age = last_change.map_or(0.0, |changed| (now() - changed).max(0.0));
        let (status, tone) = word(process, live.filter(|live| live.run == name), age);
        let method = method.to_string();
        Self { name, method, started_at, steps, reward, held_out, last_change, status, tone }
    }
}
