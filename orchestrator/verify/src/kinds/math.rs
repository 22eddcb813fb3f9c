//! `math`: equal to the gold answer, as the grader reads both.

use std::sync::Arc;

use retrial_domain::{Question, Reward, Submission};
use retrial_grader::{Extraction, Gold, GoldError, Verdict, grade};

use crate::opinion::{Given, Opinion, place};

/// Decides about responses. A gold answer is read once where responses to one problem come together.
pub(super) fn decide(submissions: &[Submission], extraction: Extraction) -> Vec<Opinion> {
    let mut last: Option<(&Arc<Question>, Result<Gold, GoldError>)> = None;
    let mut opinions = Vec::with_capacity(submissions.len());
    for submission in submissions {
        let question = &submission.question;
        let known = last.take().filter(|(known, _)| Arc::ptr_eq(known, question));
        let (_, gold) =
            last.insert(known.unwrap_or_else(|| (question, Gold::parse(&question.problem.answer))));
        opinions.push(match gold {
            Ok(gold) => opinion(gold, &submission.response, place(submission, extraction)),
            Err(error) => Opinion::GivenUp(error.to_string()),
        });
    }
    opinions
}

fn opinion(gold: &Gold, response: &str, extraction: Extraction) -> Opinion {
    let grade = grade(gold, response, extraction);
    let reason = grade.reason.as_str().to_owned();
    if grade.verdict == Verdict::Timeout {
        return Opinion::GivenUp(reason);
    }
    Opinion::Given(Given {
        reward: Reward::from(grade.verdict.is_correct()),
        answer: grade.answer,
        unparsed: grade.verdict == Verdict::Unparsed,
        reason: Some(reason),
    })
}
