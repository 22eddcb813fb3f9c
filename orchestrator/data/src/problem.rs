//! A problem with a verifiable answer.

use retrial_domain::Problem;
use retrial_grader::{Gold, GoldError};
use serde::{Deserialize, Serialize};

/// A problem, and what belongs to it.
#[derive(Clone, Debug)]
pub struct Task {
    /// The problem.
    pub problem: Problem,
    /// A right response, if the data set has one.
    pub solution: Option<String>,
    /// The messages before the problem, if the data set has them: a system prompt, examples.
    pub context: Vec<Message>,
}

impl Task {
    /// Its right answer as the grader reads it. The grader may not, where another verifier decides.
    pub fn gold(&self) -> Result<Gold, GoldError> {
        Gold::parse(&self.problem.answer)
    }
}

/// A message before a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The role.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// Role of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// System: the instructions at the beginning.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The role of this name, as in chat data sets.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        match name {
            "system" | "developer" => Some(Self::System),
            "user" | "human" => Some(Self::User),
            "assistant" | "gpt" => Some(Self::Assistant),
            _ => None,
        }
    }
}
