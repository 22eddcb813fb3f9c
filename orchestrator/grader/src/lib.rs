//! Decides whether a response answers a mathematical problem correctly.
//!
//! Pure functions over text: no files, no network, no clock, no unsafe code and no panics. The same
//! text gets the same verdict on every machine, and the work is bounded by counted steps.
//!
//! ```
//! use retrial_grader::{Extraction, Gold, Verdict, grade};
//!
//! let gold = Gold::parse(r"\frac{1}{2}")?;
//! let graded = grade(&gold, r"Both are equally likely, so it is $\boxed{0.5}$.", Extraction::Boxed);
//! assert_eq!(graded.verdict, Verdict::Correct);
//! assert_eq!(graded.answer.unwrap().canonical, "1/2");
//!
//! let graded = grade(&gold, r"It is \boxed{\frac{1}{3}}.", Extraction::Boxed);
//! assert_eq!(graded.verdict, Verdict::Wrong);
//! assert_eq!(graded.reason.as_str(), "different value");
//! # Ok::<(), retrial_grader::GoldError>(())
//! ```
//!
//! # How it works
//!
//! 1. `extract` finds the answer in the response by linear scans.
//! 2. `lex` and `parse` read it: a tolerant lexer for LaTeX and plain text, and a Pratt parser into
//!    lists, sets, tuples, relations, intervals, matrices, ratios, units, words and scalars.
//! 3. `compare` decides kind by kind what has to be equal to what.
//! 4. `algebra` decides whether two scalars are equal: exact rational arithmetic on canonical sums,
//!    then values at random points with 128 and 256 bits. A difference that keeps its size when the
//!    precision doubles is a difference.
//!
//! Every step pays from one budget; an answer that exceeds it is `timeout` or `unparsed`, never
//! `wrong` and never `correct`. [`policies`] says what counts as equal, row by row.

mod algebra;
mod ast;
mod compare;
mod extract;
mod grading;
mod lex;
mod parse;
pub mod policies;
mod rules;
mod stop;
mod verdict;

use thiserror::Error;

pub use grading::{
    Explanation, GoldFault, Reading, candidates, equivalent, explain, explain_answer, grade,
    grade_answer, self_check, self_check_by, verdict,
};
pub use rules::{Extraction, Policy, Rules, UnknownExtraction};
pub use verdict::{Answer, Grade, Reason, UnknownVerdict, Verdict};

use ast::Expr;
use stop::Stop;

/// Why a text is no gold answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GoldError {
    /// The text is empty.
    #[error("the gold answer is empty")]
    Empty,
    /// A brace is not closed, or closes nothing: the answer was cut.
    #[error("the gold answer has a brace without its partner; hint: it may have been cut")]
    Unbalanced,
    /// The text has control characters.
    #[error(
        "the gold answer has control characters; hint: in JSON a backslash is written twice: \
         `\\\\frac`, or it becomes a form feed"
    )]
    ControlCharacters,
    /// A command has lost its backslash to an escape: a tab and `ext` for `\text`.
    #[error(
        "the gold answer has a command that lost its backslash; hint: in JSON a backslash is \
         written twice: `\\\\text`"
    )]
    LostBackslash,
    /// The text is longer or deeper than an answer may be.
    #[error("the gold answer is too long or too deep for an answer; hint: keep the answer only")]
    TooLarge,
}

/// A gold answer, read once and compared with many responses.
#[derive(Debug, Clone)]
pub struct Gold {
    text: String,
    answer: String,
    expr: Option<Expr>,
    choice: Option<grading::Choice>,
    date: Option<grading::Date>,
    parts: Option<Vec<String>>,
}

impl Gold {
    /// Reads a gold answer: a bare answer, or a worked solution with its answer in a box.
    pub fn parse(text: &str) -> Result<Self, GoldError> {
        // Bell, backspace, vertical tab and form feed are what escapes make of `\alpha`, `\binom`,
        // `\vec` and `\frac`; the last two would vanish as white space.
        if text.contains(['\u{7}', '\u{8}', '\u{b}', '\u{c}']) {
            return Err(GoldError::ControlCharacters);
        }
        let text = text.trim();
        let boxes = extract::boxed(text);
        let answer = match text.rfind("####") {
            _ if !boxes.is_empty() => boxes.join(", "),
            // A worked solution in the style of GSM8K.
            Some(at) => text[at + 4..].trim().to_owned(),
            None => text.to_owned(),
        };
        if answer.trim().is_empty() {
            return Err(GoldError::Empty);
        }
        if !balanced(&answer) {
            return Err(GoldError::Unbalanced);
        }
        if lost_backslash(&answer) {
            return Err(GoldError::LostBackslash);
        }
        let expr = match parse::parse(&answer) {
            Ok(expr) => Some(expr),
            Err(Stop::Control) => return Err(GoldError::ControlCharacters),
            Err(Stop::TooLarge) if answer.len() > lex::MAX_CHARS => {
                return Err(GoldError::TooLarge);
            }
            // An answer in words is compared word by word.
            Err(_) => None,
        };
        let choice = grading::gold_choice(&answer);
        let (date, parts) = (grading::date(&answer), grading::parts(&answer));
        Ok(Self { text: text.to_owned(), answer, expr, choice, date, parts })
    }

    /// The gold answer as written, trimmed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer itself: the content of the box of a worked solution, or the whole text.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// Whether the answer has several elements, in parts or as a list.
    fn has_parts(&self) -> bool {
        self.parts.is_some()
            || matches!(&self.expr, Some(Expr::Seq(ast::Bracket::None, items, _)) if items.len() > 1)
    }

    /// Whether the answer is words and no expression.
    fn is_words(&self) -> bool {
        self.expr.as_ref().is_none_or(|expr| matches!(expr, Expr::Text(_)))
    }
}

/// Whether an escape took the backslash and the first letter of a command: `\t` of `\text`.
fn lost_backslash(text: &str) -> bool {
    const LOST: [&str; 9] = [
        "\text{", "\times", "\theta", "\tfrac", "\neq ", "\right)", "\right]", "\right\\",
        "\rangle",
    ];
    // All of them start with white space that is no blank.
    let whole = !text.contains(['\t', '\n', '\r']);
    !whole && LOST.iter().any(|rest| text.contains(rest))
}

/// Whether every brace that is not escaped has its partner.
fn balanced(text: &str) -> bool {
    let mut open = 0_usize;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            // Whatever it escapes is no brace.
            '\\' => drop(characters.next()),
            '{' => open += 1,
            '}' if open == 0 => return false,
            '}' => open -= 1,
            _ => {}
        }
    }
    open == 0
}
