//! A snapshot of a run's state, as plain data.

use retrial_domain::Trial;
use retrial_protocol::ServerHealth;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Pending;
use crate::recent::Notice;

/// A phase of a run. With a staleness of one, two run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Rollouts and grades of the first trial.
    FirstTrial,
    /// Rollouts and grades of the second trial.
    SecondTrial,
    /// The update.
    Train,
    /// The push of the weights and its verification.
    Publish,
    /// A held-out evaluation.
    Evaluate,
}

/// A snapshot of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// The run's name.
    pub run: String,
    /// Steps of the run.
    pub steps: u64,
    /// Its status.
    pub status: Status,
    /// Current activities, the oldest first.
    pub activities: Vec<ActivityNow>,
    /// Durations of each phase in this process.
    pub phases: Vec<PhaseTiming>,
    /// The pending commands.
    pub pending: Pending,
    /// The policy servers.
    pub servers: Vec<ServerHealth>,
    /// The last warnings and errors, the latest first.
    pub notices: Vec<Notice>,
}

/// Status of a run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum Status {
    /// It makes progress.
    Running,
    /// It was paused.
    Paused {
        /// Seconds so far.
        seconds: f64,
    },
    /// It waits for something that it needs.
    Waiting {
        /// What it waits for, and why.
        what: String,
        /// Seconds so far.
        seconds: f64,
    },
    /// Stalled: no progress for unusually long.
    Stalled {
        /// Seconds without progress.
        seconds: f64,
    },
    /// It has ended; its dashboard is still served.
    Ended,
}

/// A current activity.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivityNow {
    /// Its phase.
    pub phase: Phase,
    /// Its step; for an evaluation, the version.
    pub step: u64,
    /// Seconds so far.
    pub seconds: f64,
    /// Groups done; 0 of 0 if nothing is counted.
    pub done: usize,
    /// Total groups.
    pub total: usize,
}

/// Durations of a phase.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhaseTiming {
    /// The phase.
    pub phase: Phase,
    /// How often it ended.
    pub count: u32,
    /// Mean seconds.
    pub mean_seconds: f64,
    /// Most seconds.
    pub worst_seconds: f64,
}

impl Phase {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstTrial => "first trial",
            Self::SecondTrial => "second trial",
            Self::Train => "train",
            Self::Publish => "push",
            Self::Evaluate => "evaluation",
        }
    }
}

impl From<Trial> for Phase {
    fn from(trial: Trial) -> Self {
        match trial {
            Trial::First => Self::FirstTrial,
            Trial::Second => Self::SecondTrial,
        }
    }
}
