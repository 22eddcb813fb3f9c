//! Warnings of a pointless run: steps whose rewards give no training signal, and the likely
//! cause.

use std::fmt;

use crate::summary::StepSummary;

/// Consecutive steps after which a run warns,
const AFTER: u64 = 2;
/// and then again.
const AGAIN: u64 = 10;

/// What all rollouts of a first trial have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worry {
    /// Each was truncated at the response limit, and none passed.
    AllCut,
    /// None has an answer.
    NoAnswer,
    /// None is right.
    AllWrong,
    /// All are right.
    AllRight,
}

impl Worry {
    /// The problem of a step, if any.
    pub fn of(summary: &StepSummary) -> Option<Self> {
        let first = &summary.first;
        let all = |share: Option<f64>| share == Some(1.0);
        if all(first.truncated) && first.pass == Some(0.0) {
            Some(Self::AllCut)
        } else if all(first.no_answer) {
            Some(Self::NoAnswer)
        } else if first.pass == Some(0.0) {
            Some(Self::AllWrong)
        } else if all(first.pass) {
            Some(Self::AllRight)
        } else {
            None
        }
    }
}

impl fmt::Display for Worry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllCut => {
                "every response is cut at [rollout] max_tokens, and none has passed: set it higher, \
                 or look whether the model's end token is one that its chat template writes"
            }
            Self::NoAnswer => {
                "no response has an answer where [reward] extraction looks for it: look at a few \
                 with `retrial mistakes`; the prompt may not ask for it there (in \\boxed{} unless \
                 configured), or the model is a base model with a chat template"
            }
            Self::AllWrong => {
                "no response is right: look at a few with `retrial mistakes`; the answers of the data \
                 set may be of another form, or the problems too hard for this model"
            }
            Self::AllRight => {
                "every response is right, and there is nothing to learn from: use harder problems"
            }
        })
    }
}

/// Counts consecutive steps with the same problem.
#[derive(Debug, Default)]
pub struct Worries {
    last: Option<Worry>,
    steps: u64,
}

impl Worries {
    /// Takes the next step. Returns what to warn of now, and for how many steps.
    pub fn next(&mut self, worry: Option<Worry>) -> Option<(Worry, u64)> {
        self.steps = if worry.is_some() && worry == self.last { self.steps + 1 } else { 1 };
        self.last = worry;
        let due = self.steps == AFTER || self.steps.is_multiple_of(AGAIN);
        worry.filter(|_| due).map(|worry| (worry, self.steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_after_two_steps_and_then_every_ten() {
        let mut worries = Worries::default();
        let mut said = |worry| worries.next(worry).is_some();
        assert!(!said(Some(Worry::AllCut)));
        assert!(!said(Some(Worry::NoAnswer)), "another one");
        assert!(!said(None));
        assert!(!said(Some(Worry::AllCut)));
        let steps: Vec<u64> = (2..=30).filter(|_| said(Some(Worry::AllCut))).collect();
        assert_eq!(steps, [2, 10, 20, 30]);
    }
}
