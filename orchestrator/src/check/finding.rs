//! A finding about one part of a configuration.

use serde::Serialize;

/// The state of a part of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A run can use it.
    Ok,
    /// A run can use it, with a warning.
    Warning,
    /// A run would stop at it.
    Problem,
}

/// A finding about one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part.
    pub subject: &'static str,
    /// Its state.
    pub state: State,
    /// Details, in one or more lines.
    pub text: String,
}

impl Finding {
    pub(super) fn new(subject: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { subject, state, text: text.into() }
    }

    pub(super) fn problem(subject: &'static str, error: &dyn std::fmt::Display) -> Self {
        Self::new(subject, State::Problem, format!("{error:#}"))
    }
}
