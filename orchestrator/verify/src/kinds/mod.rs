//! Verifiers that decide by rules: no processes, no network.

mod choice;
pub(crate) mod exact;
mod math;
mod number;
mod regex;

use retrial_domain::{Question, Submission};
use retrial_grader::Extraction;

use crate::opinion::{Opinion, place};

pub use self::choice::letters;
pub(crate) use self::regex::Pattern;

/// How is decided.
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
    /// Decides about the responses, which usually answer one problem.
    pub(crate) fn decide(
        &self,
        submissions: &[Submission],
        extraction: Extraction,
    ) -> Vec<Opinion> {
        let each =
            |decide: &dyn Fn(&Submission) -> Opinion| submissions.iter().map(decide).collect();
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

    /// Whether it can decide about responses to this problem; else why not.
    pub(crate) fn reads(&self, question: &Question) -> Result<(), String> {
        let gold = &question.problem.answer;
        match self {
            Self::Math => {
                let parsed = retrial_grader::Gold::parse(gold);
                parsed.map(drop).map_err(|error| error.to_string())
            }
            Self::Number(_) => match number::read(gold) {
                Some(_) => Ok(()),
                None => Err(format!("the gold answer `{gold}` is no number")),
            },
            Self::Choice | Self::Exact | Self::Regex(_) => Ok(()),
        }
    }
}
