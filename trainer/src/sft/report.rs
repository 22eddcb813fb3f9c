//! Rows that were read, used and left out, for people.

use std::fmt;

use retrial_rows::{Example, LeftOut};

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
    left_out: Vec<LeftOut<Reason>>,
}

impl Report {
    /// The report of a set of which nothing is read yet.
    pub fn new(set: &'static str) -> Self {
        Self { set, ..Self::default() }
    }

    /// Counts a row that is left out.
    pub fn leave_out(&mut self, reason: Reason, example: impl FnOnce() -> Example) {
        LeftOut::add(&mut self.left_out, reason, example);
    }

    /// The share of rows with something wrong with them.
    pub fn share_of_faults(&self) -> f64 {
        let of_faults = self.left_out.iter().filter(|out| out.reason != Reason::TooLong);
        let faults: u64 = of_faults.map(|out| out.count).sum();
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
        for LeftOut { reason, count, examples } in left_out {
            write!(f, "\n  left out: {count} {}", reason.text())?;
            for example in examples {
                write!(f, "\n    {example}")?;
            }
        }
        Ok(())
    }
}
