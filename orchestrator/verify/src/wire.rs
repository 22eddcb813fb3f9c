//! The JSON exchanged with programs and services.

use std::collections::BTreeMap;

use retrial_domain::{Reward, Submission};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outcome::{Decision, Outcome, answer};

/// A submission as it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct Sent<'a> {
    pub(crate) id: &'a str,
    problem: &'a str,
    gold: &'a str,
    response: &'a str,
    answer: Option<&'a str>,
    tags: &'a BTreeMap<String, String>,
    solution: Option<&'a str>,
}

/// A verdict as received. Unknown keys are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Received {
    pub(crate) id: String,
    #[serde(default)]
    reward: Value,
    answer: Option<String>,
    reason: Option<String>,
}

impl<'a> Sent<'a> {
    /// A submission and the answer extracted from it.
    pub(crate) fn new(submission: &'a Submission, answer: Option<&'a str>) -> Self {
        let question = &submission.question;
        Self {
            id: &submission.id,
            problem: &question.problem.text,
            gold: &question.problem.answer,
            response: &submission.response,
            answer,
            tags: &question.problem.tags,
            solution: question.solution.as_deref(),
        }
    }
}

impl Received {
    /// The outcome for a response with the extracted answer `found`. With a reward of `null` the
    /// response is not verified. The error says what is wrong with the verdict.
    pub(crate) fn outcome(self, found: Option<&str>) -> Result<Outcome, String> {
        let reward = match &self.reward {
            Value::Null => {
                let why = self.reason.unwrap_or_else(|| "the verifier gives no reward".into());
                return Ok(Outcome::Unverified(why));
            }
            Value::Bool(passed) => Reward::from(*passed),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                Reward::new(number).map_err(|error| error.to_string())?
            }
            other => return Err(format!("the reward {other} is not a number from 0 to 1")),
        };
        Ok(Outcome::Decided(Decision {
            reward,
            answer: self.answer.as_deref().or(found).map(answer),
            unparsed: false,
            reason: self.reason.map(|reason| reason.chars().take(LONGEST_REASON).collect()),
        }))
    }
}

/// Characters kept of a reason.
const LONGEST_REASON: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Result<Outcome, String> {
        serde_json::from_str::<Received>(text).unwrap().outcome(Some("found"))
    }

    #[test]
    fn rewards_are_numbers_from_0_to_1() {
        for (text, expected) in [("0.5", 0.5), ("1", 1.0), ("true", 1.0), ("false", 0.0)] {
            let Ok(Outcome::Decided(decision)) =
                outcome(&format!(r#"{{"id":"a","reward":{text}}}"#))
            else {
                panic!("{text}")
            };
            assert_eq!(decision.reward.get(), expected);
            assert_eq!(decision.answer.unwrap().text, "found");
        }
        for text in ["2", "-0.5", "\"1\"", "[1]"] {
            let error = outcome(&format!(r#"{{"id":"a","reward":{text}}}"#)).unwrap_err();
            assert!(error.contains("is not a number from 0 to 1"), "{error}");
        }
        let declined = outcome(r#"{"id":"a","reward":null,"reason":"no compiler"}"#).unwrap();
        assert_eq!(declined, Outcome::Unverified("no compiler".into()));
    }
}
