//! Kinds of failed responses.

use serde::{Deserialize, Serialize};

/// How a response failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MistakeKind {
    /// It has a wrong answer.
    Wrong,
    /// Its answer cannot be parsed.
    Unparsed,
    /// It ended without an answer.
    NoAnswer,
    /// It reached the response limit.
    CutOff,
}

impl MistakeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wrong, Self::Unparsed, Self::NoAnswer, Self::CutOff];

    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Unparsed => "unparsed",
            Self::NoAnswer => "no_answer",
            Self::CutOff => "cut_off",
        }
    }

    /// The kind of this name.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
