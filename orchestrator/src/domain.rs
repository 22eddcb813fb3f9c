//! What the loop talks about: problems, rollouts, grades.

use retrial_grader::{Answer, Verdict};
use retrial_protocol::WeightVersion;
use serde::{Deserialize, Serialize};

pub use retrial_data::{Problem, ProblemId};

/// Which of a step's two trials a rollout belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// On the problem as it stands.
    First,
    /// An extra rollout, after the first trial failed altogether.
    Second,
}

/// Why a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it.
    Stop,
    /// It was cut at the response limit.
    Length,
}

/// One sampled response.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Position in its group, from 0.
    pub index: u32,
    /// Token ids as they were sampled, the end token included.
    pub tokens: Vec<u32>,
    /// Log-probability of each token in nats, in the context it was sampled in.
    pub logprobs: Vec<f32>,
    /// The text of the tokens.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// The weights that sampled it.
    pub version: WeightVersion,
}

/// A rollout and what the grader says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct GradedRollout {
    /// The rollout.
    pub rollout: Rollout,
    /// Right, wrong, or why neither.
    pub verdict: Verdict,
    /// The answer that was found in it, if any.
    pub answer: Option<Answer>,
}

impl Trial {
    /// The word for it in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
        }
    }
}

impl FinishReason {
    /// The word for it in the database and in `OpenAI`'s protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}
