//! What programs and services are sent and send back.

use std::collections::BTreeMap;

use retrial_domain::{Reward, Submission};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::opinion::{Given, Opinion, answer};

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

/// A verdict as it comes back. Further keys are the verifier's own business.
#[derive(Debug, Deserialize)]
pub(crate) struct Received {
    pub(crate) id: String,
    #[serde(default)]
    reward: Value,
    answer: Option<String>,
    reason: Option<String>,
}

impl<'a> Sent<'a> {
    /// A submission and the answer that was found in it.
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
    /// What it says of a response in which `found` was the answer; the error says what is wrong with
    /// the verdict. A reward of `null` is one that the verifier does not give.
    pub(crate) fn opinion(self, found: Option<&str>) -> Result<Opinion, String> {
        let reward = match &self.reward {
            Value::Null => {
                let why = self.reason.unwrap_or_else(|| "the verifier gives no reward".into());
                return Ok(Opinion::GivenUp(why));
            }
            Value::Bool(passed) => Reward::from(*passed),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                Reward::new(number).map_err(|error| error.to_string())?
            }
            other => return Err(format!("the reward {other} is not a number from 0 to 1")),
        };
        Ok(Opinion::Given(Given {
            reward,
            answer: self.answer.as_deref().or(found).map(answer),
            unparsed: false,
            reason: self.reason.map(|reason| reason.chars().take(LONGEST_REASON).collect()),
        }))
    }
}

/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(text: &str) -> Result<Opinion, String> {
        serde_json::from_str::<Received>(text).unwrap().opinion(Some("found"))
    }

    #[test]
    fn rewards_are_numbers_from_0_to_1() {
        for (text, expected) in [("0.5", 0.5), ("1", 1.0), ("true", 1.0), ("false", 0.0)] {
            let Ok(Opinion::Given(given)) = opinion(&format!(r#"{{"id":"a","reward":{text}}}"#))
            else {
                panic!("{text}")
            };
            assert_eq!(given.reward.get(), expected);
            assert_eq!(given.answer.unwrap().text, "found");
        }
        for text in ["2", "-0.5", "\"1\"", "[1]"] {
            let error = opinion(&format!(r#"{{"id":"a","reward":{text}}}"#)).unwrap_err();
            assert!(error.contains("is not a number from 0 to 1"), "{error}");
        }
        let declined = opinion(r#"{"id":"a","reward":null,"reason":"no compiler"}"#).unwrap();
        assert_eq!(declined, Opinion::GivenUp("no compiler".into()));
    }
}
