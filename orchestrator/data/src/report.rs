//! The report of a set: rows read, used and left out, for people, for the log and for `check`.

use std::fmt;

pub use retrial_rows::Example;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// Files that are named; if there are more, the others are counted.
const FILES: usize = 3;

/// Why a row is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It cannot be parsed: invalid JSON, a record with too many fields.
    Unreadable,
    /// It has no problem.
    NoProblem,
    /// It has no answer.
    NoAnswer,
    /// Its answer is a word such as "proof" or "notfound": no response can be checked with it.
    NotVerifiable,
    /// The grader cannot parse its answer.
    AnswerUnreadable,
    /// It refers to a picture, which the model does not see.
    Picture,
    /// Its prompt leaves no room for a response.
    TooLong,
    /// The same problem has different answers.
    Conflict,
    /// The same problem occurred before.
    Duplicate,
    /// The same problem is in a held-out set.
    HeldOut,
}

/// The rows that were left out for one reason.
pub type LeftOut = retrial_rows::LeftOut<Reason>;

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Its name; on the hub with the commit.
    pub file: String,
    /// Its layout.
    pub layout: String,
    /// Its rows.
    pub rows: u64,
}

/// The report of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The set: `train`, or the name of a held-out one.
    pub set: String,
    /// The files.
    pub files: Vec<FileReport>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that are used.
    pub used: u64,
    /// Rows left out, by reason.
    pub left_out: Vec<LeftOut>,
    /// Used problems that contain text like a chat template's tokens, `<|im_end|>`.
    pub with_special_tokens: u64,
}

impl Reason {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Unreadable,
        Self::NoProblem,
        Self::NoAnswer,
        Self::NotVerifiable,
        Self::AnswerUnreadable,
        Self::Picture,
        Self::TooLong,
        Self::Conflict,
        Self::Duplicate,
        Self::HeldOut,
    ];

    /// The description of this many such rows.
    pub fn text(self, count: u64) -> &'static str {
        let (one, several) = match self {
            Self::Unreadable => ("cannot be read", "cannot be read"),
            Self::NoProblem => ("asks nothing", "ask nothing"),
            Self::NoAnswer => ("has no answer", "have no answer"),
            Self::NotVerifiable => {
                ("has no answer that can be checked", "have no answer that can be checked")
            }
            Self::AnswerUnreadable => {
                ("has an answer that cannot be graded", "have an answer that cannot be graded")
            }
            Self::Picture => ("needs a picture", "need a picture"),
            Self::TooLong => ("is too long", "are too long"),
            Self::Conflict => ("contradicts another", "contradict each other"),
            Self::Duplicate => ("is a duplicate", "are duplicates"),
            Self::HeldOut => ("is in a held-out set too", "are in a held-out set too"),
        };
        if count == 1 { one } else { several }
    }

    /// Whether such a row is a fault of the data. A duplicate, or a problem that is held out
    /// elsewhere, is not: it does not count towards `max_left_out`.
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Duplicate | Self::HeldOut)
    }
}

impl Report {
    pub(crate) fn new(set: &str) -> Self {
        Self { set: set.to_owned(), ..Self::default() }
    }

    /// Whether there is nothing to report: our own layout, and all rows are used.
    pub fn is_plain(&self) -> bool {
        let own = Layout::Retrial.to_string();
        self.left_out.is_empty()
            && self.with_special_tokens == 0
            && self.files.iter().all(|file| file.layout == own)
    }

    /// Rows that were left out for a reason.
    pub fn count(&self, reason: Reason) -> u64 {
        self.left_out.iter().find(|out| out.reason == reason).map_or(0, |out| out.count)
    }

    /// Rows left out because of a fault.
    pub fn faults(&self) -> u64 {
        self.left_out.iter().filter(|out| out.reason.is_fault()).map(|out| out.count).sum()
    }

    /// The share of faulty rows.
    pub fn share_of_faults(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.faults() as f64 / self.rows as f64 }
    }

    pub(crate) fn leave_out(&mut self, reason: Reason, example: impl FnOnce() -> Example) {
        LeftOut::add(&mut self.left_out, reason, example);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {}", self.set, problems(self.used), rows(self.rows))?;
        if self.used == self.rows {
            write!(f, ", all used")?;
        }
        for (place, FileReport { file, layout, rows: count }) in self.files.iter().enumerate() {
            if place == FILES && self.files.len() > FILES + 1 {
                write!(f, "\n  and {} more files", self.files.len() - FILES)?;
                break;
            }
            write!(f, "\n  {file}: {layout}, {}", rows(*count))?;
        }
        for LeftOut { reason, count, examples } in &self.left_out {
            write!(f, "\n  left out: {} {}", grouped(*count), reason.text(*count))?;
            for example in examples {
                write!(f, "\n    {example}")?;
            }
        }
        if self.with_special_tokens > 0 {
            write!(
                f,
                "\n  note: {} with text that looks like the tokens of a chat template (<|...|>); it is \
                 read as plain text",
                problems(self.with_special_tokens)
            )?;
        }
        Ok(())
    }
}

fn problems(count: u64) -> String {
    format!("{} problem{}", grouped(count), if count == 1 { "" } else { "s" })
}

fn rows(count: u64) -> String {
    format!("{} row{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_for_people() {
        let mut report = Report::new("train");
        report.rows = 10_000;
        report.used = 9_949;
        let file = FileReport { file: "a.jsonl".into(), layout: "GSM8K".into(), rows: 10_000 };
        report.files.push(file);
        let example = |line| {
            move || Example { file: "a.jsonl".into(), line, problem: "EOF at column 3".into() }
        };
        report.leave_out(Reason::Duplicate, example(9));
        for line in 1..=50 {
            report.leave_out(Reason::Unreadable, example(line));
        }
        let expected = "train: 9,949 problems of 10,000 rows\n  \
             a.jsonl: GSM8K, 10,000 rows\n  \
             left out: 50 cannot be read\n    \
             a.jsonl:1: EOF at column 3\n    \
             a.jsonl:2: EOF at column 3\n    \
             a.jsonl:3: EOF at column 3\n  \
             left out: 1 is a duplicate\n    \
             a.jsonl:9: EOF at column 3";
        assert_eq!(report.to_string(), expected);
        assert_eq!((report.count(Reason::Unreadable), report.faults()), (50, 50));
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
