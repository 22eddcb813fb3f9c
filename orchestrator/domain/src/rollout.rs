//! Sampled responses and their grades.

use retrial_grader::{Answer, Verdict};
use retrial_protocol::{FinishReason, WeightVersion};
use serde::{Deserialize, Serialize};

use crate::Judgement;

/// One of the two trials of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// With the ordinary prompt.
    First,
    /// Extra rollouts, after the first trial failed completely.
    Second,
}

/// One sampled response.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Position in its group, from 0.
    pub index: u32,
    /// Token ids as they were sampled, including the end token.
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

/// A rollout and its judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct GradedRollout {
    /// The rollout.
    pub rollout: Rollout,
    /// Its reward, and whether it passed.
    pub judgement: Judgement,
}

impl GradedRollout {
    /// Right, wrong, or why neither.
    pub fn verdict(&self) -> Verdict {
        self.judgement.verdict
    }

    /// The answer found in it, if any.
    pub fn answer(&self) -> Option<&Answer> {
        self.judgement.answer.as_ref()
    }
}

impl Trial {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
        }
    }
}
