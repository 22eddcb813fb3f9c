//! No leak by hints: which answers a problem can have, and what a hint may say of them.
//!
//! Where the answers that are possible are few (yes or no, choices, small ranges), a list of wrong
//! ones gives the right one away. A hint must leave a number of possibilities; where its list would
//! leave fewer, the second trial gets a prompt without a list.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::SecondTrial;

/// Most values that the right answers of a data set may have for its answers to be a closed set: as
/// many as there are digits, or letters of choices.
const FEW: usize = 10;
/// Problems that a closed set has at least for each of its answers. With fewer nobody can tell that
/// the answers of the next problem are among them.
const PROBLEMS_EACH: usize = 5;
/// Pairs of answers that close a set by themselves: a problem with one of them has the other.
const PAIRS: [[&str; 2]; 2] = [["yes", "no"], ["true", "false"]];

/// The answers that a problem can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AnswerSpace {
    /// Nobody knows them, or there are too many to tell.
    #[default]
    Open,
    /// These and no others. None of them is known if the list is empty.
    Closed(Vec<String>),
}

impl AnswerSpace {
    /// How many answers there are, where it is known.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Closed(answers) if !answers.is_empty() => Some(answers.len()),
            Self::Open | Self::Closed(_) => None,
        }
    }

    /// Whether a list of wrong answers leaves at least so many possibilities.
    pub fn leaves(
        &self,
        least: usize,
        wrong: &[String],
        equivalent: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let Self::Closed(answers) = self else { return true };
        let is_wrong =
            |answer: &&String| wrong.iter().any(|one| one == *answer || equivalent(one, answer));
        answers.len() - answers.iter().filter(is_wrong).count() >= least
    }

    /// The closed set that a right answer tells by itself: yes or no, true or false.
    pub fn of_pair(gold: &str) -> Option<Self> {
        let gold = gold.trim();
        let pair = PAIRS.iter().find(|pair| pair.iter().any(|one| gold.eq_ignore_ascii_case(one)));
        pair.map(|pair| Self::Closed(pair.map(str::to_owned).to_vec()))
    }
}

impl SecondTrial {
    /// The same without its list, if the list leaves fewer than `least` possibilities.
    #[must_use]
    pub fn within(
        mut self,
        space: &AnswerSpace,
        least: usize,
        equivalent: impl Fn(&str, &str) -> bool,
    ) -> Self {
        if !self.answers.is_empty() && !space.leaves(least, &self.answers, equivalent) {
            self.answers.clear();
            self.kind = self.kind.without_list();
        }
        self
    }
}

/// The right answers of problems of one kind: whether they are a closed set.
#[derive(Clone, Debug, Default)]
pub struct Golds {
    /// Different ones, no two equivalent; `None` once there are too many.
    distinct: Option<Vec<String>>,
    problems: usize,
}

impl Golds {
    /// Takes the right answer of one more problem.
    pub fn add(&mut self, gold: &str, equivalent: impl Fn(&str, &str) -> bool) {
        let distinct = if self.problems == 0 {
            self.distinct.insert(Vec::new())
        } else {
            let Some(distinct) = &mut self.distinct else { return };
            distinct
        };
        self.problems += 1;
        let is_known = distinct.iter().any(|known| known == gold)
            || distinct.iter().any(|known| equivalent(known, gold));
        if is_known {
            return;
        }
        if distinct.len() == FEW {
            self.distinct = None;
        } else {
            distinct.push(gold.to_owned());
        }
    }

    /// The answers that are possible: those of the data set, if they are few and each is the answer of
    /// several problems.
    pub fn space(&self) -> AnswerSpace {
        let repeated = |answers: &&Vec<String>| self.problems >= PROBLEMS_EACH * answers.len();
        match self.distinct.as_ref().filter(repeated) {
            Some(answers) if answers.len() > 1 => AnswerSpace::Closed(answers.clone()),
            _ => AnswerSpace::Open,
        }
    }
}

/// Which answers are taken for a closed set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Closed {
    /// Those that are recognised.
    #[default]
    Auto,
    /// None, or all: nothing is known of the answers but that they are few.
    All(bool),
    /// These, for each problem whose right answer is among them.
    These(Vec<String>),
}

/// As a configuration has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    All(bool),
    Word(String),
    These(Vec<String>),
}

impl Serialize for Closed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Auto => Written::Word("auto".into()),
            Self::All(all) => Written::All(*all),
            Self::These(answers) => Written::These(answers.clone()),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Closed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "it must be \"auto\", true, false, or a list of answers";
        match Written::deserialize(deserializer).map_err(|_| D::Error::custom(EXPECTED))? {
            Written::Word(word) if word == "auto" => Ok(Self::Auto),
            Written::Word(word) => Err(D::Error::custom(format!("it is \"{word}\", {EXPECTED}"))),
            Written::All(all) => Ok(Self::All(all)),
            Written::These(answers) => Ok(Self::These(answers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HintKind;
    use proptest::prelude::*;

    fn texts(answers: &[&str]) -> Vec<String> {
        answers.iter().map(|&answer| answer.to_owned()).collect()
    }

    fn same(a: &str, b: &str) -> bool {
        a.eq_ignore_ascii_case(b)
    }

    fn trial(kind: HintKind, answers: &[&str]) -> SecondTrial {
        SecondTrial { kind, answers: texts(answers) }
    }

    #[test]
    fn a_list_that_says_too_much_is_left_out() {
        let choices = AnswerSpace::Closed(texts(&["A", "B", "C", "D"]));
        let yes_or_no = AnswerSpace::Closed(texts(&["yes", "no"]));
        let unknown = AnswerSpace::Closed(Vec::new());
        let (hint, concise) = (HintKind::Hint, HintKind::ConciseHint);
        for (space, kind, listed, expected) in [
            // Of four choices one may be named, and two leave too few.
            (&choices, hint, &["B"][..], hint),
            (&choices, hint, &["B", "C"], HintKind::Plain),
            (&choices, concise, &["b", "C"], HintKind::Concise),
            // Answers that are none of the possible ones say nothing of these.
            (&choices, hint, &["B", "E", "12"], hint),
            (&yes_or_no, hint, &["No"], HintKind::Plain),
            (&yes_or_no, concise, &["maybe"], HintKind::Concise),
            (&unknown, hint, &["7"], HintKind::Plain),
            (&AnswerSpace::Open, hint, &["1", "2", "3", "4"], hint),
        ] {
            let found = trial(kind, listed).within(space, 3, same);
            assert_eq!(found.kind, expected, "{space:?} {listed:?}");
            let listed = if expected == kind { listed } else { &[] };
            assert_eq!(found.answers, listed, "{space:?}");
        }
    }

    #[test]
    fn golds_with_few_values_are_a_closed_set() {
        let space = |golds: &[&str]| {
            let mut all = Golds::default();
            for gold in golds {
                all.add(gold, same);
            }
            all.space()
        };
        let repeated = |golds: &[&'static str]| golds.repeat(5);
        let two = AnswerSpace::Closed(texts(&["yes", "no"]));
        assert_eq!(space(&repeated(&["yes", "no", "Yes"])), two);
        assert_eq!(two.size(), Some(2));
        assert_eq!(space(&["yes", "no", "Yes"]), AnswerSpace::Open, "too few to tell");
        assert_eq!(space(&repeated(&["7"])), AnswerSpace::Open, "one value is no choice");
        let digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        assert_eq!(space(&repeated(&digits)).size(), Some(10));
        let more: Vec<&str> = digits.into_iter().chain(["10"]).collect();
        assert_eq!(space(&repeated(&more)), AnswerSpace::Open);
        assert_eq!(space(&[]), AnswerSpace::Open);
    }

    #[test]
    fn a_pair_is_known_by_one_of_it() {
        assert_eq!(AnswerSpace::of_pair(" No ").unwrap().size(), Some(2));
        let truth = AnswerSpace::Closed(texts(&["true", "false"]));
        assert_eq!(AnswerSpace::of_pair("True"), Some(truth));
        assert_eq!(AnswerSpace::of_pair("42"), None);
    }

    #[test]
    fn what_may_be_written_of_closed_sets() {
        let read = |text: &str| serde_json::from_str::<Closed>(text).map_err(|e| e.to_string());
        for (text, expected) in [
            ("\"auto\"", Closed::Auto),
            ("true", Closed::All(true)),
            ("[\"yes\",\"no\"]", Closed::These(texts(&["yes", "no"]))),
        ] {
            assert_eq!(read(text), Ok(expected.clone()));
            assert_eq!(serde_json::to_string(&expected).unwrap(), text);
        }
        for text in ["\"all\"", "3"] {
            assert!(read(text).unwrap_err().contains("it must be \"auto\", true, false"));
        }
    }

    proptest! {
        #[test]
        fn no_hint_leaves_fewer_possibilities(
            size in 0..12usize, wrong in prop::collection::vec(0..16usize, 0..12), least in 0..6usize,
            cut: bool,
        ) {
            let members: Vec<String> = (0..size).map(|member| member.to_string()).collect();
            let space = AnswerSpace::Closed(members.clone());
            let kind = if cut { HintKind::ConciseHint } else { HintKind::Hint };
            let answers = wrong.iter().map(ToString::to_string).collect();
            let found = SecondTrial { kind, answers }.within(&space, least, |_, _| false);
            let left = members.iter().filter(|member| !found.answers.contains(member)).count();
            prop_assert!(found.answers.is_empty() || left >= least);
            let lists = matches!(found.kind, HintKind::Hint | HintKind::ConciseHint);
            prop_assert!(!found.answers.is_empty() || wrong.is_empty() || !lists);
        }
    }
}
