//! A fingerprint of a set: small, but enough to notice that a set has changed, and to say how.

use std::fmt;

use retrial_domain::Problem;
use retrial_rows::Message;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::packed::{Packed, Row};

/// Number of checkpoints in a fingerprint.
const MARKS: usize = 64;

/// Fingerprint of a set's content: the problems with their names, answers and messages, in order. It does
/// not depend on their files or formats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Problems.
    pub problems: usize,
    /// SHA-256 of all problems in order.
    pub content: String,
    /// A digest that does not depend on the order of the problems.
    pub any_order: String,
    /// Checkpoints: numbers of problems, and the digest up to each.
    pub marks: Vec<(usize, String)>,
}

/// How a set differs from a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The same problems in another order.
    Reordered,
    /// All problems are there, and more after them.
    Extended {
        /// Additional problems.
        by: usize,
    },
    /// The end is missing.
    Cut {
        /// Missing problems.
        by: usize,
    },
    /// The same number of problems; the first that differs is in this range, from 1.
    Edited {
        /// The first that may differ.
        from: usize,
        /// The last that may be the first to differ.
        to: usize,
    },
    /// Another number of problems, and not only at the end.
    Other {
        /// Problems before.
        then: usize,
        /// Problems now.
        now: usize,
        /// Problems at the beginning that are certainly equal.
        same: usize,
    },
}

/// The state of a fingerprint after some problems.
#[derive(Default)]
struct Running {
    ordered: Sha256,
    sum: u128,
}

impl Running {
    fn add(&mut self, row: &Row) {
        let digest = row_digest(row);
        self.ordered.update(digest);
        let half: [u8; 16] = digest[..16].try_into().expect("half of 32 bytes");
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }

    fn content(&self) -> String {
        hex(&self.ordered.clone().finalize())
    }

    fn mark(&self) -> String {
        self.content()[..16].to_owned()
    }
}

impl Fingerprint {
    pub(crate) fn of(rows: &Packed) -> Self {
        let mut running = Running::default();
        let mut marks = Vec::new();
        let every = rows.len().div_ceil(MARKS).max(1);
        for place in 0..rows.len() {
            running.add(&rows.get(place));
            if (place + 1) % every == 0 {
                marks.push((place + 1, running.mark()));
            }
        }
        Self {
            problems: rows.len(),
            content: running.content(),
            any_order: format!("{:032x}", running.sum),
            marks,
        }
    }

    /// How a set differs from this fingerprint; none if it does not.
    pub(crate) fn change(&self, rows: &Packed) -> Option<Change> {
        let now = Self::of(rows);
        if (now.problems, &now.content) == (self.problems, &self.content) {
            return None;
        }
        let mut running = Running::default();
        let mut marks = self.marks.iter().peekable();
        let (mut same, mut differs, mut whole) = (0, self.problems, self.problems == 0);
        for place in 0..rows.len().min(self.problems) {
            running.add(&rows.get(place));
            if let Some((_, mark)) = marks.next_if(|(at, _)| *at == place + 1) {
                if running.mark() != *mark {
                    differs = place + 1;
                    break;
                }
                same = place + 1;
            }
            whole = place + 1 == self.problems && running.content() == self.content;
        }
        let (then, count) = (self.problems, now.problems);
        // Between two checkpoints nothing is known: a shorter set is assumed to be equal up to its end.
        let next = self.marks.iter().map(|(at, _)| *at).find(|&at| at > same).unwrap_or(then);
        Some(if count == then && now.any_order == self.any_order {
            Change::Reordered
        } else if count == then {
            Change::Edited { from: same + 1, to: differs }
        } else if whole {
            Change::Extended { by: count - then }
        } else if count < then && count < next {
            Change::Cut { by: then - count }
        } else {
            Change::Other { then, now: count, same }
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reordered => f.write_str("the same problems are in another order"),
            Self::Extended { by: 1 } => f.write_str("one problem was added at the end"),
            Self::Extended { by } => write!(f, "{by} problems were added at the end"),
            Self::Cut { by: 1 } => f.write_str("the last problem is gone"),
            Self::Cut { by } => write!(f, "the last {by} problems are gone"),
            Self::Edited { from, to } if from == to => write!(f, "problem {from} was edited"),
            Self::Edited { from, to } => {
                write!(f, "problems were edited, the first of them between {from} and {to}")
            }
            Self::Other { then, now, same } => {
                write!(f, "it had {then} problems and has {now}; the first {same} are the same")
            }
        }
    }
}

/// A name for a problem, derived from its content.
pub(crate) fn content_id(text: &str, answer: &str) -> String {
    let mut hash = Sha256::new();
    add(&mut hash, text);
    add(&mut hash, answer);
    hex(&hash.finalize()[..8])
}

fn row_digest(row: &Row) -> [u8; 32] {
    let Row { problem: Problem { id, text, answer, tags: _ }, solution, context } = row;
    let mut hash = Sha256::new();
    for text in [&id.0, text, answer] {
        add(&mut hash, text);
    }
    if let Some(solution) = solution {
        hash.update([1]);
        add(&mut hash, solution);
    }
    for Message { role, content } in context {
        hash.update([2 + *role as u8]);
        add(&mut hash, content);
    }
    hash.finalize().into()
}

/// A text with its length, so that the boundary between texts is unambiguous.
fn add(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use retrial_domain::ProblemId;

    fn set(numbers: impl IntoIterator<Item = u32>) -> Packed {
        let mut packed = Packed::default();
        for number in numbers {
            let id = ProblemId(number.to_string());
            let (text, answer) = (format!("What is {number}?"), number.to_string());
            let problem = Problem { id, text, answer, tags: BTreeMap::new() };
            packed.push(&Row { problem, solution: None, context: Vec::new() });
        }
        packed
    }

    #[test]
    fn what_changed_is_said() {
        let old = Fingerprint::of(&set(0..1000));
        assert_eq!(old.marks.len(), 62);
        let changed = |numbers: Vec<u32>| old.change(&set(numbers)).map(|it| it.to_string());
        let edited = |place: usize| {
            let mut numbers: Vec<u32> = (0..1000).collect();
            numbers[place] = 5000;
            numbers
        };
        assert_eq!(changed((0..1000).collect()), None);
        let cases = [
            ((0..1000).rev().collect(), "the same problems are in another order"),
            ((0..1001).collect(), "one problem was added at the end"),
            ((0..1500).collect(), "500 problems were added at the end"),
            ((0..999).collect(), "the last problem is gone"),
            ((0..100).collect(), "the last 900 problems are gone"),
            (edited(0), "problems were edited, the first of them between 1 and 16"),
            (edited(999), "problems were edited, the first of them between 993 and 1000"),
            ((500..600).collect(), "it had 1000 problems and has 100; the first 0 are the same"),
            ((0..500).chain(501..1000).collect(), "it had 1000 problems and has 999"),
        ];
        for (numbers, expected) in cases {
            let said = changed(numbers).unwrap();
            assert!(said.starts_with(expected), "{said}");
        }
        // A small set has a checkpoint at each problem.
        let small = Fingerprint::of(&set(0..3));
        assert_eq!(small.change(&set([0, 7, 2])).unwrap().to_string(), "problem 2 was edited");
        assert_eq!(small.change(&set([0, 1])), Some(Change::Cut { by: 1 }));
        assert_eq!(Fingerprint::of(&set([])).change(&set([1])), Some(Change::Extended { by: 1 }));
    }

    #[test]
    fn names_follow_from_content() {
        assert_eq!(content_id("What is 6 * 7?", "42").len(), 16);
        assert_ne!(content_id("a", "bc"), content_id("ab", "c"));
    }
}
