//! Rows that are left out, counted by reason, with the first examples of each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Examples to keep of each reason.
const EXAMPLES: usize = 3;
/// The longest text in an example, characters.
const LONGEST: usize = 200;

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The file.
    pub file: String,
    /// The number of the line or row, from 1.
    pub line: u64,
    /// The problem with it.
    pub problem: String,
}

/// The rows that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut<R> {
    /// The reason.
    pub reason: R,
    /// How many.
    pub count: u64,
    /// The first examples.
    pub examples: Vec<Example>,
}

impl Example {
    /// An example; a long problem is cut.
    pub fn new(file: &str, line: u64, problem: &str) -> Self {
        Self { file: file.to_owned(), line, problem: shortened(problem) }
    }
}

/// A text, cut if it is too long for an example.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

impl<R: Copy + Ord> LeftOut<R> {
    /// Counts one more row. `all` is sorted by reason.
    pub fn add(all: &mut Vec<Self>, reason: R, example: impl FnOnce() -> Example) {
        let place = all.partition_point(|out| out.reason < reason);
        if all.get(place).is_none_or(|out| out.reason != reason) {
            all.insert(place, Self { reason, count: 0, examples: Vec::new() });
        }
        let out = &mut all[place];
        out.count += 1;
        if out.examples.len() < EXAMPLES {
            out.examples.push(example());
        }
    }
}
