//! A problem with a verifiable answer.

use std::collections::BTreeMap;
use std::fmt;

use retrial_grader::Gold;
use serde::{Deserialize, Serialize};

/// The name of a problem, unique in its data set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProblemId(pub String);

/// A problem with a verifiable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its name.
    pub id: ProblemId,
    /// What is asked; the `{problem}` of the prompt templates.
    pub text: String,
    /// The right answer, as the data set writes it.
    pub answer: String,
    /// Whatever else the data set says of it (source, level, ...).
    pub tags: BTreeMap<String, String>,
}

/// A problem and its right answer, parsed.
#[derive(Clone, Debug)]
pub struct Task {
    /// The problem.
    pub problem: Problem,
    /// Its right answer.
    pub gold: Gold,
    /// A right response, where the data set has one.
    pub solution: Option<String>,
    /// The messages before the problem, where the data set has them: a system prompt, examples.
    pub context: Vec<Message>,
}

/// A message before a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The instructions that stand above a conversation.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The role of this name, as chat data sets write it.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        match name {
            "system" | "developer" => Some(Self::System),
            "user" | "human" => Some(Self::User),
            "assistant" | "gpt" => Some(Self::Assistant),
            _ => None,
        }
    }
}

impl fmt::Display for ProblemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
