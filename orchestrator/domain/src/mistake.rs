//! Kinds of failed responses.

use serde::{Deserialize, Serialize};

/// How a response failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MistakeKind {
    /// It has an answer, and not the right one.
    Wrong,
    /// It has an answer that cannot be read.
    Unparsed,
    /// It ended without an answer.
    NoAnswer,
    /// It reached the response limit.
    CutOff,
}

impl MistakeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wrong, Self::Unparsed, Self::NoAnswer, Self::CutOff];

    /// The word for it in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Unparsed => "unparsed",
            Self::NoAnswer => "no_answer",
            Self::CutOff => "cut_off",
        }
    }

    /// The kind with this word.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
