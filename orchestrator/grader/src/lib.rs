//! Decides whether a response answers a mathematical problem correctly.
//!
//! Pure functions over text: no files, no network, no clock, and no panics.

mod verdict;

use dashu_ratio::RBig;
use thiserror::Error;

pub use verdict::{Answer, Grade, Reason, UnknownVerdict, Verdict};

/// Where a response may give its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Extraction {
    /// The last complete box only: for training.
    #[default]
    Boxed,
    /// A box, else "final answer is", `####`, `<answer>`, else the last expression.
    Auto,
}

/// Why a text is no gold answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GoldError {
    /// The text is empty.
    #[error("the gold answer is empty")]
    Empty,
}

/// A gold answer, read once and compared with many responses.
#[derive(Debug, Clone)]
pub struct Gold {
    text: String,
}

impl Gold {
    /// Reads a gold answer.
    pub fn parse(text: &str) -> Result<Self, GoldError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(GoldError::Empty);
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The gold answer as written, trimmed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Grades a whole response.
pub fn grade(gold: &Gold, response: &str, extraction: Extraction) -> Grade {
    let _ = extraction;
    let found = response.rfind("\\boxed{").and_then(|at| {
        let rest = &response[at + 7..];
        let mut depth = 1_usize;
        for (i, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(&rest[..i]);
            }
        }
        None
    });
    match found {
        Some(answer) => grade_answer(gold, answer),
        None => Grade { verdict: Verdict::NoAnswer, answer: None, reason: Reason::NoAnswerFound },
    }
}

/// Grades a bare answer.
pub fn grade_answer(gold: &Gold, answer: &str) -> Grade {
    let text = answer.trim();
    if text.is_empty() {
        return Grade { verdict: Verdict::NoAnswer, answer: None, reason: Reason::EmptyAnswer };
    }
    let same = equivalent(&gold.text, text);
    let canonical = number(text).map_or_else(|| text.to_owned(), |value| value.to_string());
    Grade {
        verdict: if same { Verdict::Correct } else { Verdict::Wrong },
        answer: Some(Answer { text: text.to_owned(), canonical }),
        reason: if same { Reason::SameValue } else { Reason::DifferentValue },
    }
}

/// Whether two bare answers are equal.
pub fn equivalent(a: &str, b: &str) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.trim() == b.trim(),
    }
}

fn number(text: &str) -> Option<RBig> {
    let text = text.trim().trim_matches('$').replace([',', ' '], "");
    let text = match text.strip_prefix("\\frac{").and_then(|t| t.strip_suffix('}')) {
        Some(inner) => inner.replace("}{", "/"),
        None => text,
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxed_numbers_are_graded() {
        let gold = Gold::parse("\\frac{1}{2}").unwrap();
        assert!(grade(&gold, "so \\boxed{2/4}.", Extraction::Boxed).verdict.is_correct());
        assert_eq!(grade(&gold, "so \\boxed{2}.", Extraction::Boxed).verdict, Verdict::Wrong);
        assert_eq!(grade(&gold, "so 1/2", Extraction::Boxed).verdict, Verdict::NoAnswer);
        assert_eq!("no_answer".parse(), Ok(Verdict::NoAnswer));
    }
}
