//! An entry of the list, and the facts that it is derived from.

use retrial_protocol::ServerHealth;
use retrial_store::{LoggedNotice, RunData};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that deserves attention.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Attention {
    /// What it is.
    pub kind: Trouble,
    /// How bad it is.
    pub severity: Severity,
    /// The reason, in one sentence.
    pub reason: String,
    /// The number that it follows from.
    pub value: f64,
    /// The unit of the number.
    pub unit: &'static str,
    /// What to do.
    pub advice: String,
    /// Path of the page that shows it.
    pub page: String,
}

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run has stopped, or will.
    Stops,
    /// The run goes on and learns nothing, or the wrong thing.
    Wasted,
    /// Something to look at before it gets worse.
    Watch,
}

/// Kinds of trouble; of equally bad ones the first is listed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The run has failed, was killed, or stands still.
    Ended,
    /// The disk will be full.
    Disk,
    /// Servers had other weights than were pushed to them.
    StaleWeights,
    /// A server takes no part.
    ServerOut,
    /// Every response is cut.
    AllCut,
    /// No response has an answer.
    NoAnswers,
    /// The verifier gives up.
    Verifier,
    /// No group has both correct and failed rollouts.
    NoSpread,
    /// Sampler and trainer compute different log-probabilities.
    Drift,
    /// The policy has become almost certain.
    EntropyCollapse,
    /// Problems that were solved and are no longer.
    LostProblems,
    /// Verifiers pull in opposite directions.
    VerifiersDisagree,
    /// The same hint again, to no avail.
    HintsRepeated,
    /// Responses repeat wrong answers that their hint lists.
    MistakesRepeated,
    /// The run has warned.
    Warnings,
}

/// What the list follows from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The run.
    pub run: &'a str,
    /// Its numbers.
    pub data: &'a RunData,
    /// The latest warnings of its last process, the latest first.
    pub notices: &'a [LoggedNotice],
    /// Why it does not go on, if it should.
    pub ended: Option<&'a str>,
    /// Its servers; none if another process trains it.
    pub servers: &'a [ServerHealth],
    /// The disk of its log, while it goes on.
    pub disk: Option<Disk>,
}

/// A disk that a log grows on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    /// Free bytes.
    pub free_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Rollouts in the log.
    pub log_rollouts: u64,
    /// Seconds until the run ends, if known.
    pub seconds_left: Option<f64>,
}

impl Severity {
    /// It in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Wasted => "wasted",
            Self::Watch => "watch",
        }
    }
}
