//! Why a response ended.

use serde::{Deserialize, Serialize};

/// Why a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it with an end token or a stop string.
    Stop,
    /// It reached the response limit.
    Length,
}

impl FinishReason {
    /// All reasons.
    pub const ALL: [Self; 2] = [Self::Stop, Self::Length];

    /// Its name in the database and in `OpenAI`'s protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}
