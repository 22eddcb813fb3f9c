//! Problems with a verifiable answer.

use std::collections::BTreeMap;
use std::fmt;

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
    /// The problem's text; the `{problem}` of the prompt templates.
    pub text: String,
    /// The right answer, as the data set writes it.
    pub answer: String,
    /// Other fields of the data set (source, level, ...).
    pub tags: BTreeMap<String, String>,
}

impl fmt::Display for ProblemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
