//! The errors of verifiers.

/// A verifier does not work, as found when it is opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);

/// The run has to stop: most responses could not be verified, or a program cannot be restarted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(String);

impl OpenError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl Stopped {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}
