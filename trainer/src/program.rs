//! How a program logs and ends.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use retrial_native::torch::attempt;

/// Logs to standard error, filtered by `RUST_LOG`.
pub fn init_tracing() -> Result<()> {
    Ok(retrial_log::init("info", None)?)
}

/// Reports an error in the arguments or the files they name: exit code 2.
pub fn refused(error: &anyhow::Error) -> ExitCode {
    retrial_log::tell_error(error.as_ref());
    ExitCode::from(2)
}

/// Reports the result of the work: exit code 0 or 1.
pub fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            retrial_log::tell_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Runs a program's work, and returns libtorch's errors too. `less_memory` is the hint for running out of
pub fn attempt_all<T>(less_memory: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    attempt(work).unwrap_or_else(|error| {
        Err(if error.is_out_of_memory() {
            anyhow!("out of memory: {error}\nhint: {less_memory}")
        } else {
            error.into()
        })
    })
}
