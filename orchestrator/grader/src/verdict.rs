//! What a grade says: the verdict, the reason for it and the answer that was graded.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The outcome of grading one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The response gives the gold answer.
    Correct,
    /// The response gives an answer and it is a different one.
    Wrong,
    /// The response gives no answer.
    NoAnswer,
    /// The response gives an answer that cannot be read.
    Unparsed,
    /// Reading or comparing the answer would cost more than its budget.
    Timeout,
}

impl Verdict {
    /// Every verdict, in the order of declaration.
    pub const ALL: [Self; 5] =
        [Self::Correct, Self::Wrong, Self::NoAnswer, Self::Unparsed, Self::Timeout];

    /// The name that reports and databases use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Wrong => "wrong",
            Self::NoAnswer => "no_answer",
            Self::Unparsed => "unparsed",
            Self::Timeout => "timeout",
        }
    }

    /// Whether this is [`Verdict::Correct`].
    pub const fn is_correct(self) -> bool {
        matches!(self, Self::Correct)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is not the name of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown verdict `{0}`")]
pub struct UnknownVerdict(pub String);

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == name)
            .ok_or_else(|| UnknownVerdict(name.to_owned()))
    }
}

/// Why a verdict was given, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The answer is written as the gold answer is.
    SameText,
    /// Answer and gold have the same canonical form.
    SameForm,
    /// Answer and gold are equal by exact or high-precision computation.
    SameValue,
    /// The answer rounds to the gold answer.
    Rounded,
    /// The answer has another value than the gold answer.
    DifferentValue,
    /// The answer is of another kind than the gold answer.
    DifferentKind,
    /// The answer leaves out or adds something: another number of elements or solutions.
    DifferentCount,
    /// The units do not agree.
    DifferentUnit,
    /// The answer leaves the work undone: a sum, an integral or a limit is not evaluated.
    Unevaluated,
    /// The response has no answer where an answer was looked for.
    NoAnswerFound,
    /// The response ends before its reasoning does.
    UnclosedThink,
    /// The answer is there and it is empty.
    EmptyAnswer,
    /// The answer holds control characters.
    ControlCharacters,
    /// The answer is not an expression that this crate reads.
    Unreadable,
    /// The answer is longer or deeper than an answer may be.
    TooLarge,
    /// The comparison would take more steps than an answer may cost.
    TooCostly,
}

impl Reason {
    /// Whether an answer with this reason is correct.
    pub const fn is_correct(self) -> bool {
        matches!(self, Self::SameText | Self::SameForm | Self::SameValue | Self::Rounded)
    }

    /// The reason in a few English words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameText => "same text",
            Self::SameForm => "same canonical form",
            Self::SameValue => "same value",
            Self::Rounded => "rounds to the gold answer",
            Self::DifferentValue => "different value",
            Self::DifferentKind => "different kind of answer",
            Self::DifferentCount => "different number of elements",
            Self::DifferentUnit => "different unit",
            Self::Unevaluated => "left unevaluated",
            Self::NoAnswerFound => "no answer found",
            Self::UnclosedThink => "the reasoning is not closed",
            Self::EmptyAnswer => "empty answer",
            Self::ControlCharacters => "control characters in the answer",
            Self::Unreadable => "cannot be read as an answer",
            Self::TooLarge => "too long or too deep",
            Self::TooCostly => "too costly to compare",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An answer as it stands in a response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The answer as written, trimmed.
    pub text: String,
    /// The canonical form: equal answers usually share it.
    pub canonical: String,
}

/// The result of grading one response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// The verdict.
    pub verdict: Verdict,
    /// The answer that was found, if one was.
    pub answer: Option<Answer>,
    /// Why the verdict is what it is.
    pub reason: Reason,
}
