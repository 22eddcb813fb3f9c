//! `exact`: the same text, ignoring white space and case.

use retrial_domain::Submission;
use retrial_grader::{Extraction, candidates};

use crate::outcome::{Outcome, answer};
use crate::text::normal;

pub(super) fn decide(submission: &Submission, extraction: Extraction) -> Outcome {
    let gold = normal(&submission.question.problem.answer);
    match candidates(&submission.response, extraction) {
        Ok(texts) => {
            let right = texts.iter().find(|text| normal(text) == gold);
            Outcome::passed(right.is_some(), answer(right.unwrap_or(&texts[0])))
        }
        Err(reason) => Outcome::no_answer(reason.as_str()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use retrial_domain::{FinishReason, Problem, ProblemId, Question};

    use super::*;

    /// A response to a problem with this gold answer.
    pub(crate) fn submission(gold: &str, response: &str) -> Submission {
        to("What is it?", gold, response)
    }

    /// A response to this problem.
    pub(crate) fn to(problem: &str, gold: &str, response: &str) -> Submission {
        let problem = Problem {
            id: ProblemId("p".into()),
            text: problem.into(),
            answer: gold.into(),
            tags: BTreeMap::new(),
        };
        Submission {
            id: "r/1/p/first/0".into(),
            question: Arc::new(Question { problem, solution: None }),
            response: response.into(),
            finish: FinishReason::Stop,
        }
    }

    #[test]
    fn white_space_and_case_do_not_count() {
        for (gold, response, passes) in [
            ("New York", r"\boxed{\text{new  york}}", true),
            ("New York", r"\boxed{York}", false),
            ("[1, 2]\n[3, 4]", "\\boxed{[1, 2] [3, 4]}", true),
        ] {
            let outcome = decide(&submission(gold, response), Extraction::Boxed);
            let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
            assert_eq!(decision.reward, passes.into(), "{gold} {response}");
        }
    }

    #[test]
    fn no_answer_is_no_answer() {
        let outcome = decide(&submission("a", "It is a."), Extraction::Boxed);
        assert_eq!(outcome, Outcome::no_answer("no answer found"));
    }
}
