//! Whether a gold answer can be matched at all.

use std::fmt;

use super::grade;
use crate::verdict::Reason;
use crate::{Extraction, Gold, GoldError};

/// Why no response can match a gold answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoldFault {
    /// The gold answer cannot be read.
    Unreadable(GoldError),
    /// The right answer, given as a response would give it, does not count as correct.
    Unmatched(Reason),
    /// The gold answer is a text of several sentences: a solution and not an answer.
    Prose,
}

impl fmt::Display for GoldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Unmatched(reason) => write!(
                f,
                "the gold answer does not equal itself in a response ({reason}); hint: write it as an \
                 answer would be written"
            ),
            Self::Prose => f.write_str(
                "the gold answer is a worked solution without a marked answer; hint: keep the \
                 answer only, or mark it with a box or with ####",
            ),
        }
    }
}

/// The longest answer in words; what is longer is a solution.
const MAX_WORDS: usize = 30;

/// Grades a gold answer as a response would give it.
///
/// ```
/// use retrial_grader::{GoldFault, self_check};
///
/// assert_eq!(self_check(r"\frac{1}{2}"), Ok(()));
/// assert_eq!(self_check("2 + 2 = 4\n#### 4"), Ok(()));
/// // `\frac` in a JSON text is a form feed and `rac`.
/// assert!(matches!(self_check("\u{c}rac{1}{2}"), Err(GoldFault::Unreadable(_))));
/// assert_eq!(self_check("She has 3. Then she buys 4. So there are 7."), Err(GoldFault::Prose));
/// ```
pub fn self_check(gold: &str) -> Result<(), GoldFault> {
    self_check_by(gold, Extraction::Boxed)
}

/// Grades a gold answer as a response would give it where the answer is looked for in this way.
///
/// ```
/// use retrial_grader::{Extraction, self_check_by};
///
/// assert_eq!(self_check_by("2 + 2 = 4\n#### 4", Extraction::Hashes), Ok(()));
/// ```
pub fn self_check_by(gold: &str, extraction: Extraction) -> Result<(), GoldFault> {
    let read = Gold::parse(gold).map_err(GoldFault::Unreadable)?;
    let answer = read.answer();
    let sentences = answer.split(". ").filter(|part| part.split_whitespace().count() > 2).count();
    if sentences > 1 || answer.split_whitespace().count() > MAX_WORDS && read.is_words() {
        return Err(GoldFault::Prose);
    }
    let grade = grade(&read, &extraction.response(answer), extraction);
    if grade.verdict.is_correct() { Ok(()) } else { Err(GoldFault::Unmatched(grade.reason)) }
}
