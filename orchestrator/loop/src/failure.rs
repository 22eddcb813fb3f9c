//! The ways a command fails, and their exit codes.

use std::fmt;
use std::process::ExitCode;

use retrial_protocol::WeightVersion;

use crate::stop::INTERRUPTED;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The command line, the configuration or a file is wrong: exit code 2.
    Input(anyhow::Error),
    /// The work failed: exit code 1.
    Work(anyhow::Error),
    /// A person stopped a run after a step: exit code 130.
    Interrupted {
        /// The last version.
        done: WeightVersion,
        /// Who stopped it.
        by: StoppedBy,
    },
}

/// Who stopped a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedBy {
    /// Ctrl-C, or SIGTERM.
    Signal,
    /// A person on the dashboard.
    Dashboard,
}

impl fmt::Display for StoppedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal => "a signal",
            Self::Dashboard => "the dashboard",
        })
    }
}

impl Failure {
    /// A failure of the input.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }

    /// The error, in every case.
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Self::Input(error) | Self::Work(error) => error,
            Self::Interrupted { done, .. } => anyhow::anyhow!("stopped after step {done}"),
        }
    }

    /// Prints the error on standard error and returns the exit code.
    pub fn report(&self) -> ExitCode {
        let (error, code) = match self {
            Self::Input(error) => (error, 2),
            Self::Work(error) => (error, 1),
            Self::Interrupted { done, .. } => {
                retrial_log::tell(&format!("stopped after step {done}; continue with --resume"));
                return ExitCode::from(INTERRUPTED);
            }
        };
        retrial_log::tell_error(error.as_ref());
        ExitCode::from(code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}
