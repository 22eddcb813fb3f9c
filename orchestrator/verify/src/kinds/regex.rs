//! `regex`: the response matches a regular expression.

use regex::Regex;
use retrial_domain::{Reward, Submission};
use retrial_grader::Extraction;

use crate::outcome::{Decision, Outcome, answer, answer_text};

/// The placeholder of the gold answer in a pattern.
const GOLD: &str = "{gold}";

/// A pattern that is valid for every gold answer.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// The same for every problem.
    Fixed(Regex),
    /// It contains the gold answer.
    WithGold(String),
}

/// A pattern that is not a regular expression.
#[derive(Debug, thiserror::Error)]
#[error(
    "[reward] pattern cannot be used: {0}\nhint: write a regular expression, see docs.rs/regex"
)]
pub(crate) struct InvalidPattern(#[from] regex::Error);

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn new(text: &str) -> Result<Self, InvalidPattern> {
        if text.contains(GOLD) {
            Regex::new(&text.replace(GOLD, "x"))?;
            Ok(Self::WithGold(text.to_owned()))
        } else {
            Ok(Self::Fixed(Regex::new(text)?))
        }
    }

    pub(super) fn decide(&self, submission: &Submission, extraction: Extraction) -> Outcome {
        let response = &submission.response;
        let matches = match self {
            Self::Fixed(regex) => regex.is_match(response),
            Self::WithGold(text) => {
                let gold = regex::escape(submission.question.problem.answer.trim());
                match Regex::new(&text.replace(GOLD, &gold)) {
                    Ok(regex) => regex.is_match(response),
                    Err(error) => return Outcome::Unverified(error.to_string()),
                }
            }
        };
        Outcome::Decided(Decision {
            reward: Reward::from(matches),
            answer: answer_text(submission, extraction).map(|text| answer(&text)),
            unparsed: false,
            reason: (!matches).then(|| "the pattern does not match".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::exact::tests::submission;

    #[test]
    fn the_gold_answer_may_be_a_part_of_it() {
        let format = Pattern::new(r"(?s)^<think>.*</think>\s*<answer>.*</answer>$").unwrap();
        let gold = Pattern::new(r"<answer>\s*{gold}\s*</answer>").unwrap();
        for (response, well_formed, right) in [
            ("<think>a\nb</think> <answer>1+1</answer>", true, true),
            ("<think>a</think> <answer>11</answer>", true, false),
            ("<answer>1+1</answer>", false, true),
        ] {
            let passed = |pattern: &Pattern| match pattern
                .decide(&submission("1+1", response), Extraction::AnswerTag)
            {
                Outcome::Decided(decision) => decision.reward == Reward::ONE,
                Outcome::Unverified(_) => false,
            };
            assert_eq!((passed(&format), passed(&gold)), (well_formed, right), "{response}");
        }
        assert!(Pattern::new("(").is_err() && Pattern::new("({gold}").is_err());
    }
}
