//! Which prompt the second trial gets (arXiv 2510.26109, section 3).
//!
//! | failures cut at the response limit | prompt |
//! |---|---|
//! | all | [`HintKind::Concise`] |
//! | some | [`HintKind::ConciseHint`], with the answers of those that were not cut |
//! | none | [`HintKind::Hint`], with their answers |
//!
//! The paper does not say what happens when no failure has an answer to warn of. Here a problem
//! with cut failures gets `Concise` then, and one without gets its ordinary prompt again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupOutcome, Reward};

/// How none-pass problems are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A second trial with a hint: the method of the paper.
    Lte,
    /// No second trial: GRPO.
    Grpo,
    /// A second trial without a hint: the ablation that shows whether it is the hint or the budget.
    GrpoExtra,
    /// No second trial; the data set's own solution takes the place of a failure, in the manner of
    /// LUFFY (arXiv 2504.14945). For data sets that have solutions.
    Gold,
}

/// The prompt of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// The ordinary prompt, no hint.
    Plain,
    /// Asks for a concise answer.
    Concise,
    /// Asks for a concise answer and lists wrong ones.
    ConciseHint,
    /// Lists wrong answers.
    Hint,
}

/// The result of one rollout of the first trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its reward.
    pub reward: Reward,
    /// Whether it was cut at the response limit.
    pub truncated: bool,
    /// The answer it gave, if any.
    pub answer: Option<String>,
}

/// The second trial of a none-pass problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondTrial {
    /// Its prompt.
    pub kind: HintKind,
    /// The wrong answers to list, no two equivalent, in the order in which they were first given.
    pub answers: Vec<String>,
}

/// Decides on the second trial of a problem; `None` if it gets none.
///
/// `equivalent` says whether two answers are equal.
pub fn second_trial(
    method: Method,
    attempts: &[Attempt],
    equivalent: impl Fn(&str, &str) -> bool,
) -> Option<SecondTrial> {
    let rewards: Vec<Reward> = attempts.iter().map(|attempt| attempt.reward).collect();
    if attempts.is_empty() || GroupOutcome::of(&rewards) != GroupOutcome::NonePass {
        return None;
    }
    match method {
        Method::Grpo | Method::Gold => None,
        Method::GrpoExtra => Some(SecondTrial { kind: HintKind::Plain, answers: Vec::new() }),
        Method::Lte => Some(hinted(attempts, equivalent)),
    }
}

/// The answers of failures that were not cut, no two equivalent, in the order in which they were first
/// given.
pub fn wrong_answers(attempts: &[Attempt], equivalent: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut answers: Vec<String> = Vec::new();
    let complete = attempts.iter().filter(|attempt| !attempt.truncated && !attempt.reward.passed());
    for answer in complete.filter_map(|attempt| attempt.answer.as_deref()) {
        if !answers.iter().any(|known| known == answer || equivalent(known, answer)) {
            answers.push(answer.to_owned());
        }
    }
    answers
}

fn hinted(attempts: &[Attempt], equivalent: impl Fn(&str, &str) -> bool) -> SecondTrial {
    let answers = wrong_answers(attempts, equivalent);
    let any_truncated = attempts.iter().any(|attempt| attempt.truncated);
    let kind = match (any_truncated, answers.is_empty()) {
        (true, true) => HintKind::Concise,
        (true, false) => HintKind::ConciseHint,
        (false, true) => HintKind::Plain,
        (false, false) => HintKind::Hint,
    };
    SecondTrial { kind, answers }
}

/// Which wrong answers a hint lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// Those of the step's own first trial: the paper's.
    #[default]
    Step,
    /// Also those of the run's earlier steps.
    Run,
}

impl SecondTrial {
    /// The same with wrong answers of earlier steps behind its own, as long as there are at most
    /// `most` in all, less those with which the list `may` not be.
    #[must_use]
    pub fn remembering(
        mut self,
        earlier: impl IntoIterator<Item = String>,
        most: usize,
        may: impl Fn(&[String]) -> bool,
        equivalent: impl Fn(&str, &str) -> bool,
    ) -> Self {
        for answer in earlier {
            if self.answers.len() >= most {
                break;
            }
            if !self.answers.iter().any(|known| *known == answer || equivalent(known, &answer)) {
                self.answers.push(answer);
                if !may(&self.answers) {
                    self.answers.pop();
                }
            }
        }
        if !self.answers.is_empty() {
            self.kind = match self.kind {
                HintKind::Concise => HintKind::ConciseHint,
                HintKind::Plain => HintKind::Hint,
                kind => kind,
            };
        }
        self
    }

    /// The same with one answer less, for a prompt that is too long; without any left, with the
    /// prompt that lists none. `None` for the plain prompt: it cannot be shorter.
    pub fn shortened(mut self) -> Option<Self> {
        self.answers.pop();
        if self.answers.is_empty() {
            self.kind = match self.kind {
                HintKind::ConciseHint => HintKind::Concise,
                HintKind::Hint | HintKind::Concise => HintKind::Plain,
                HintKind::Plain => return None,
            };
        }
        Some(self)
    }
}

impl HintKind {
    /// The word for it in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Concise => "concise",
            Self::ConciseHint => "concise_hint",
            Self::Hint => "hint",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lte => "lte",
            Self::Grpo => "grpo",
            Self::GrpoExtra => "grpo_extra",
            Self::Gold => "gold",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(answer: Option<&str>, truncated: bool) -> Attempt {
        Attempt { reward: Reward::FAIL, truncated, answer: answer.map(str::to_owned) }
    }

    fn decide(attempts: &[Attempt]) -> (HintKind, Vec<String>) {
        let trial = second_trial(Method::Lte, attempts, |a, b| a.trim() == b.trim()).unwrap();
        (trial.kind, trial.answers)
    }

    #[test]
    fn truncation_chooses_the_prompt() {
        let cut = || failed(None, true);
        let wrong = |answer| failed(Some(answer), false);
        assert_eq!(decide(&[cut(), cut()]), (HintKind::Concise, vec![]));
        assert_eq!(decide(&[cut(), wrong("7")]), (HintKind::ConciseHint, vec!["7".into()]));
        let both = vec!["7".to_owned(), "8".to_owned()];
        assert_eq!(decide(&[wrong("7"), wrong("8")]), (HintKind::Hint, both));
    }

    #[test]
    fn remembered_answers_stand_behind_the_step_s_own() {
        let same = |a: &str, b: &str| a.trim() == b.trim();
        let any = |_: &[String]| true;
        let trial = |attempts: &[Attempt]| second_trial(Method::Lte, attempts, same).unwrap();
        let earlier = || ["9".to_owned(), " 7".to_owned(), "8".to_owned(), "6".to_owned()];
        let own = trial(&[failed(Some("7"), false)]).remembering(earlier(), 3, any, same);
        assert_eq!((own.kind, own.answers.join(",")), (HintKind::Hint, "7,9,8".into()));
        let cut = trial(&[failed(None, true)]).remembering(earlier(), 1, any, same);
        assert_eq!((cut.kind, cut.answers.join(",")), (HintKind::ConciseHint, "9".into()));
        let without = trial(&[failed(None, false)]).remembering([], 8, any, same);
        assert_eq!((without.kind, without.answers.len()), (HintKind::Plain, 0));
        let at_most_two = |list: &[String]| list.len() < 3;
        let few = trial(&[failed(Some("7"), false)]).remembering(earlier(), 8, at_most_two, same);
        assert_eq!((few.kind, few.answers.join(",")), (HintKind::Hint, "7,9".into()));
    }

    #[test]
    fn answers_of_cut_responses_are_not_listed() {
        let attempts = [failed(Some("5"), true), failed(Some("7"), false)];
        assert_eq!(decide(&attempts), (HintKind::ConciseHint, vec!["7".into()]));
        assert_eq!(decide(&attempts[..1]), (HintKind::Concise, vec![]));
    }

    #[test]
    fn equivalent_answers_are_listed_once_as_first_given() {
        let attempts = ["7 ", "8", "7", "8"].map(|answer| failed(Some(answer), false));
        assert_eq!(decide(&attempts), (HintKind::Hint, vec!["7 ".into(), "8".into()]));
    }

    #[test]
    fn without_any_answer_there_is_nothing_to_list() {
        let silent = failed(None, false);
        assert_eq!(decide(&[silent.clone(), silent.clone()]), (HintKind::Plain, vec![]));
        assert_eq!(decide(&[silent, failed(None, true)]), (HintKind::Concise, vec![]));
    }

    #[test]
    fn a_prompt_that_is_too_long_loses_its_list_first() {
        let mut trial = SecondTrial {
            kind: HintKind::ConciseHint,
            answers: vec!["7".to_owned(), "8".to_owned()],
        };
        let mut seen = Vec::new();
        while let Some(shorter) = trial.clone().shortened() {
            seen.push((shorter.kind, shorter.answers.len()));
            trial = shorter;
        }
        let expected = [(HintKind::ConciseHint, 1), (HintKind::Concise, 0), (HintKind::Plain, 0)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn only_none_pass_problems_get_a_second_trial() {
        let wrong = failed(Some("7"), false);
        let right = Attempt { reward: Reward::PASS, ..wrong.clone() };
        let never = |_: &str, _: &str| false;
        for method in [Method::Lte, Method::GrpoExtra, Method::Grpo] {
            assert_eq!(second_trial(method, &[wrong.clone(), right.clone()], never), None);
            assert_eq!(second_trial(method, &[], never), None);
        }
        assert_eq!(second_trial(Method::Grpo, std::slice::from_ref(&wrong), never), None);
        let extra = second_trial(Method::GrpoExtra, &[wrong], never).unwrap();
        assert_eq!(extra, SecondTrial { kind: HintKind::Plain, answers: vec![] });
    }
}
