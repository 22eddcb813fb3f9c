//! Requests to verifiers, and their answers.

use std::fmt;
use std::sync::Arc;

use retrial_grader::{Answer, Verdict};
use retrial_protocol::FinishReason;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// A reward: a number from 0 to 1. Other values cannot be constructed, not even NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Reward(f64);

/// A number that is not a reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoReward(pub f64);

/// A request to a verifier: does this response answer this problem?
#[derive(Clone, Debug)]
pub struct Submission {
    /// The id of the response in its run, the same after a restart: `run/step/problem/trial/index`.
    pub id: String,
    /// The problem.
    pub question: Arc<Question>,
    /// The text of the response, without what the chat template adds.
    pub response: String,
    /// Why it ended.
    pub finish: FinishReason,
}

/// The problem, as a verifier sees it. Its `answer` is the gold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The problem.
    pub problem: Problem,
    /// A right response, if the data set has one and the run keeps it.
    pub solution: Option<String>,
}

/// The answer of a verifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// `Correct` if the reward is at least `pass_at`, `Timeout` if the response could not be verified.
    pub verdict: Verdict,
    /// The reward; none exactly when the verdict is `Timeout`. Such a response trains nothing.
    pub reward: Option<Reward>,
    /// The rewards of several weighted verifiers by name; empty if there is only one.
    pub parts: Vec<Part>,
    /// The answer in the response, if there is one.
    pub answer: Option<Answer>,
    /// The reason, in a few words, if the verifier gives one.
    pub reason: Option<String>,
}

/// The result of one of several verifiers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// NAME of `[reward.parts.NAME]`.
    pub name: String,
    /// Its reward.
    pub reward: Reward,
}

/// Prefix of the canonical form of a long answer: code or a proof is identified by the digest of
/// its text. Hints do not list such answers.
pub const FINGERPRINT: &str = "sha256:";

/// Whether an answer is so long that it is identified by its fingerprint.
pub fn is_long(answer: &Answer) -> bool {
    answer.canonical.starts_with(FINGERPRINT)
}

impl Reward {
    /// The reward 0.
    pub const ZERO: Self = Self(0.0);
    /// The reward 1.
    pub const ONE: Self = Self(1.0);

    /// A number from 0 to 1.
    pub fn new(value: f64) -> Result<Self, NoReward> {
        // Adding zero turns -0 into 0.
        if (0.0..=1.0).contains(&value) { Ok(Self(value + 0.0)) } else { Err(NoReward(value)) }
    }

    /// The nearest reward; 0 for NaN.
    pub fn clamped(value: f64) -> Self {
        Self(if value > 0.0 { value.min(1.0) } else { 0.0 })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Judgement {
    /// The grader's verdict as a reward: 1 for a right answer, 0 for a wrong one or none, and no reward if it
    /// gave up.
    pub fn graded(verdict: Verdict, answer: Option<Answer>) -> Self {
        let reward = (verdict != Verdict::Timeout).then(|| Reward::from(verdict.is_correct()));
        Self { verdict, reward, parts: Vec::new(), answer, reason: None }
    }

    /// No verdict: the verifier gave up.
    pub fn unverified(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Timeout,
            reward: None,
            parts: Vec::new(),
            answer: None,
            reason: Some(reason.into()),
        }
    }
}

impl From<bool> for Reward {
    fn from(passed: bool) -> Self {
        if passed { Self::ONE } else { Self::ZERO }
    }
}

impl From<Reward> for f64 {
    fn from(reward: Reward) -> Self {
        reward.0
    }
}

impl TryFrom<f64> for Reward {
    type Error = NoReward;

    fn try_from(value: f64) -> Result<Self, NoReward> {
        Self::new(value)
    }
}

impl fmt::Display for NoReward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the reward {} is not a number from 0 to 1", self.0)
    }
}

impl std::error::Error for NoReward {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_from_0_to_1_are_rewards() {
        for value in [0.0, 0.25, 1.0] {
            assert_eq!(Reward::new(value).unwrap().get(), value);
        }
        for value in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            assert!(Reward::new(value).is_err(), "{value}");
        }
        assert_eq!(Reward::clamped(1.0 + f64::EPSILON), Reward::ONE);
        assert_eq!(Reward::clamped(f64::NAN), Reward::ZERO);
        assert!(Reward::new(-0.0).unwrap().get().is_sign_positive());
        let error = serde_json::from_str::<Reward>("2").unwrap_err().to_string();
        assert!(error.contains("the reward 2 is not a number from 0 to 1"), "{error}");
    }
}
