//! What the loop talks about: problems, rollouts, grades.

use std::collections::BTreeMap;
use std::fmt;

use retrial_grader::{Answer, Verdict};
use retrial_protocol::WeightVersion;
use serde::{Deserialize, Serialize};

pub use retrial_protocol::FinishReason;

/// The name of a problem, unique in its data set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProblemId(pub String);

/// A problem with a verifiable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its name.
    pub id: ProblemId,
    /// What is asked; the `{problem}` of the prompt templates.
    pub text: String,
    /// The right answer, as the data set writes it.
    pub answer: String,
    /// Whatever else the data set says of it (source, level, ...).
    pub tags: BTreeMap<String, String>,
}

/// Which of a step's two trials a rollout belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// On the problem as it stands.
    First,
    /// An extra rollout, after the first trial failed altogether.
    Second,
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

impl fmt::Display for ProblemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
