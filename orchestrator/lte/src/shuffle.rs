//! The control of a hint's content: the same hint with wrong answers of other problems.
//!
//! Where such a list rescues as often as the problem's own, it is the words of the hint or the
//! second chance that helps, and not what the list says.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{HintKind, SecondTrial, Seed};

/// Whose wrong answers a hint lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Those that the model gave to the problem itself: the paper's.
    #[default]
    Own,
    /// As many that it gave to other problems of the step: a control.
    Shuffled,
}

impl SecondTrial {
    /// The same with as many answers of `others`, one list a problem, in the place of its own. The
    /// lists are taken in an order drawn by `seed`, each from its beginning. Left out is what is
    /// `barred` (the right answer) and what equals an answer of its own list or one already taken.
    #[must_use]
    pub fn shuffled(
        mut self,
        mut others: Vec<Vec<String>>,
        barred: impl Fn(&str) -> bool,
        equivalent: impl Fn(&str, &str) -> bool,
        seed: Seed,
    ) -> Self {
        others.shuffle(&mut seed.generator());
        let own = std::mem::take(&mut self.answers);
        for answer in others.into_iter().flatten() {
            if self.answers.len() == own.len() {
                break;
            }
            let among = |list: &[String]| {
                list.iter().any(|known| *known == answer || equivalent(known, &answer))
            };
            if !barred(&answer) && !among(&own) && !among(&self.answers) {
                self.answers.push(answer);
            }
        }
        if self.answers.is_empty() {
            self.kind = self.kind.without_list();
        }
        self
    }
}

impl HintKind {
    /// The prompt that lists nothing, and asks for the same otherwise.
    pub(crate) fn without_list(self) -> Self {
        match self {
            Self::ConciseHint | Self::Concise => Self::Concise,
            Self::Hint | Self::Plain => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(answers: &[&str]) -> Vec<String> {
        answers.iter().map(|&answer| answer.to_owned()).collect()
    }

    fn same(a: &str, b: &str) -> bool {
        a.trim() == b.trim()
    }

    fn trial(kind: HintKind, answers: &[&str]) -> SecondTrial {
        SecondTrial { kind, answers: texts(answers) }
    }

    #[test]
    fn a_list_is_as_long_as_its_own_and_has_none_of_it() {
        let others = || vec![texts(&["7", "50"]), texts(&["60", "8 "]), texts(&["50", "70"])];
        let own = trial(HintKind::ConciseHint, &["7", "8", "9"]);
        for seed in 0..20 {
            let taken = own.clone().shuffled(others(), |answer| answer == "60", same, Seed(seed));
            assert_eq!(taken.kind, HintKind::ConciseHint);
            let mut found = taken.answers.clone();
            found.sort();
            // 60 is right, 7 and 8 are its own: there is no third.
            assert_eq!(found, ["50", "70"], "seed {seed}");
            let again = own.clone().shuffled(others(), |answer| answer == "60", same, Seed(seed));
            assert_eq!(taken, again);
        }
        let one = trial(HintKind::Hint, &["7"]);
        let chosen =
            |seed| one.clone().shuffled(others(), |_| false, same, Seed(seed)).answers.join(",");
        let chosen: std::collections::BTreeSet<String> = (0..20).map(chosen).collect();
        assert_eq!(chosen, ["50", "60"].map(str::to_owned).into());
    }

    #[test]
    fn without_answers_of_others_nothing_is_listed() {
        for (kind, left) in
            [(HintKind::Hint, HintKind::Plain), (HintKind::ConciseHint, HintKind::Concise)]
        {
            let found = trial(kind, &["7"]).shuffled(vec![texts(&["7"])], |_| false, same, Seed(1));
            assert_eq!(found, trial(left, &[]));
        }
        let nothing = trial(HintKind::Plain, &[]);
        let found = nothing.clone().shuffled(vec![texts(&["7"])], |_| false, same, Seed(1));
        assert_eq!(found, nothing);
    }
}
