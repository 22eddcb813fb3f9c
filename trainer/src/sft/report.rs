//! Rows that were read, used and left out, for people.

use std::fmt;

/// Examples to show of each reason.
const SHOWN: usize = 3;
/// The longest text that is shown, characters.
const LONGEST: usize = 200;

/// Why a row is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It cannot be parsed.
    Unreadable,
    /// It has no prompt or no response.
    NoExample,
    /// The chat template or the tokenizer refuses it.
    Refused,
    /// It has more tokens than are allowed. Nothing is wrong with it.
    TooLong,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read",
            Self::NoExample => "without a prompt and a response",
            Self::Refused => "refused by the chat template or the tokenizer",
            Self::TooLong => "too long",
        }
    }
}

/// The report of a set of examples.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// What they are for.
    pub set: &'static str,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that are used.
    pub used: u64,
    /// Tokens of the used ones.
    pub tokens: usize,
    /// Tokens of their responses.
    pub response_tokens: usize,
    left_out: Vec<(Reason, u64, Vec<String>)>,
}

impl Report {
    /// The report of a set of which nothing is read yet.
    pub fn new(set: &'static str) -> Self {
        Self { set, ..Self::default() }
    }

    /// Counts a row that is left out. `place` is its file and line.
    pub fn leave_out(&mut self, reason: Reason, place: &str, problem: &str) {
        let at = self.left_out.partition_point(|(other, ..)| *other < reason);
        if self.left_out.get(at).is_none_or(|(other, ..)| *other != reason) {
            self.left_out.insert(at, (reason, 0, Vec::new()));
        }
        let (_, count, shown) = &mut self.left_out[at];
        *count += 1;
        if shown.len() < SHOWN {
            let problem = match problem.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}...", &problem[..end]),
                None => problem.to_owned(),
            };
            shown.push(format!("{place}: {problem}"));
        }
    }

    /// The share of rows with something wrong with them.
    pub fn share_of_faults(&self) -> f64 {
        let of_faults = self.left_out.iter().filter(|(reason, ..)| *reason != Reason::TooLong);
        let faults: u64 = of_faults.map(|(_, count, _)| count).sum();
        if self.rows == 0 { 0.0 } else { faults as f64 / self.rows as f64 }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, rows, used, tokens, response_tokens, left_out } = self;
        write!(
            f,
            "{set}: {used} examples of {rows} rows, {tokens} tokens, {response_tokens} of them in \
             responses"
        )?;
        for (reason, count, shown) in left_out {
            write!(f, "\n  left out: {count} {}", reason.text())?;
            for line in shown {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}
