//! Why verifiers are not opened, and why a run has to stop.

/// A verifier does not work, which is seen before anything is asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);

/// The run has to stop: most verdicts were given up on, or a program does not come back.
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
