//! Verifiers by rule: no processes, no network.

mod choice;
pub(crate) mod exact;
mod math;
mod number;
mod regex;

use retrial_domain::{Question, Submission};
use retrial_grader::Extraction;

use crate::outcome::{Outcome, place};

pub use self::choice::letters;
pub(crate) use self::regex::Pattern;

/// A verifier by rule.
#[derive(Debug)]
pub(crate) enum Rule {
    /// `math`
    Math,
    /// `number`
    Number(f64),
    /// `choice`
    Choice,
    /// `exact`
    Exact,
    /// `regex`
    Regex(Pattern),
}

impl Rule {
    /// The outcome for each response. They usually answer one problem.
    pub(crate) fn decide(
        &self,
        submissions: &[Submission],
        extraction: Extraction,
    ) -> Vec<Outcome> {
        let each =
            |decide: &dyn Fn(&Submission) -> Outcome| submissions.iter().map(decide).collect();
        match self {
            Self::Math => math::decide(submissions, extraction),
            Self::Number(tolerance) => {
                each(&|of| number::decide(of, place(of, extraction), *tolerance))
            }
            Self::Choice => each(&|of| choice::decide(of, place(of, extraction))),
            Self::Exact => each(&|of| exact::decide(of, place(of, extraction))),
            Self::Regex(pattern) => each(&|of| pattern.decide(of, place(of, extraction))),
        }
    }

    /// Whether it can verify responses to this problem. The error says why not.
    pub(crate) fn reads(&self, question: &Question) -> Result<(), String> {
        let gold = &question.problem.answer;
        match self {
            Self::Math => {
                let parsed = retrial_grader::Gold::parse(gold);
                parsed.map(drop).map_err(|error| error.to_string())
            }
            Self::Number(_) => match number::read(gold) {
                Some(_) => Ok(()),
                None => Err(format!("the gold answer `{gold}` is not a number")),
            },
            Self::Choice | Self::Exact | Self::Regex(_) => Ok(()),
        }
    }
}
