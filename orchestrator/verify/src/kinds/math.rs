//! `math`: mathematically equal to the gold answer, by the grader.

use std::sync::Arc;

use retrial_domain::{Question, Reward, Submission};
use retrial_grader::{Extraction, Gold, GoldError, Verdict, grade};

use crate::outcome::{Decision, Outcome, place};

/// The outcome for each response. A gold answer is parsed once for consecutive responses to one problem.
pub(super) fn decide(submissions: &[Submission], extraction: Extraction) -> Vec<Outcome> {
    let mut last: Option<(&Arc<Question>, Result<Gold, GoldError>)> = None;
    let mut outcomes = Vec::with_capacity(submissions.len());
    for submission in submissions {
        let question = &submission.question;
        let known = last.take().filter(|(known, _)| Arc::ptr_eq(known, question));
        let (_, gold) =
            last.insert(known.unwrap_or_else(|| (question, Gold::parse(&question.problem.answer))));
        outcomes.push(match gold {
            Ok(gold) => outcome(gold, &submission.response, place(submission, extraction)),
            Err(error) => Outcome::Unverified(error.to_string()),
        });
    }
    outcomes
}

fn outcome(gold: &Gold, response: &str, extraction: Extraction) -> Outcome {
    let grade = grade(gold, response, extraction);
    let reason = grade.reason.as_str().to_owned();
    if grade.verdict == Verdict::Timeout {
        return Outcome::Unverified(reason);
    }
    Outcome::Decided(Decision {
        reward: Reward::from(grade.verdict.is_correct()),
        answer: grade.answer,
        unparsed: grade.verdict == Verdict::Unparsed,
        reason: Some(reason),
    })
}
