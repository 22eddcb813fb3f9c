//! What a run does at a moment, as plain data.

use retrial_domain::Trial;
use retrial_protocol::ServerHealth;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Pending;
use crate::recent::Notice;

/// What a run does at a moment. With a staleness of one it does two things at once.
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

/// What a run does, in words and numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// The run's name.
    pub run: String,
    /// Steps that the run was asked for.
    pub steps: u64,
    /// How the run is.
    pub status: Status,
    /// What it is doing, the oldest first.
    pub activities: Vec<ActivityNow>,
    /// How long each phase took in this process.
    pub phases: Vec<PhaseTiming>,
    /// What was asked of it and is not done yet.
    #[serde(rename = "wishes")]
    pub pending: Pending,
    /// The policy servers.
    pub servers: Vec<ServerHealth>,
    /// The last warnings and errors, the latest first.
    pub notices: Vec<Notice>,
}

/// How a run is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum Status {
    /// It makes progress.
    Running,
    /// It was asked to wait.
    Paused {
        /// For how long.
        seconds: f64,
    },
    /// It cannot go on without something.
    Waiting {
        /// What it waits for, and why.
        what: String,
        /// For how long.
        seconds: f64,
    },
    /// Nothing was seen to happen for unusually long.
    Stalled {
        /// For how long.
        seconds: f64,
    },
    /// It has ended; its dashboard goes on.
    Ended,
}

/// Something that is going on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivityNow {
    /// What.
    pub phase: Phase,
    /// Of which step; of an evaluation: the version.
    pub step: u64,
    /// For how long.
    pub seconds: f64,
    /// Groups that are done; 0 of 0 where nothing is counted.
    pub done: usize,
    /// Groups in all.
    pub total: usize,
}

/// How long a phase took.
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
    /// A word for it.
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
