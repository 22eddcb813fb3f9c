//! Errors of the mistake log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Error;

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {problem}", path.display())]
pub struct StoreError {
    /// The operation, as in "cannot ACTION PATH".
    action: &'static str,
    /// The file.
    path: PathBuf,
    /// The reason and a hint, if there is one.
    problem: String,
}

impl StoreError {
    pub(crate) fn new(action: &'static str, path: &Path, problem: impl Into<String>) -> Self {
        Self { action, path: path.into(), problem: problem.into() }
    }

    pub(crate) fn sql(action: &'static str, path: &Path, error: &Error) -> Self {
        let message = match error {
            Error::Database(error) => error.message().to_owned(),
            other => other.to_string(),
        };
        Self::new(action, path, message + hint(error))
    }
}

/// The hint for an error, by `SQLite`'s primary result code.
fn hint(error: &Error) -> &'static str {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let Some(code) = code.and_then(|code| code.parse::<u32>().ok()) else { return "" };
    match code & 0xff {
        5 | 6 => {
            "\nhint: another process keeps writing to it; stop it, or give each run its own \
             log with --set run.database=..."
        }
        8 => "\nhint: the file and its folder must be writable",
        10 => "\nhint: the disk failed or was removed; committed data is safe",
        11 => "\nhint: the file is damaged; `sqlite3 FILE .recover` recovers what can be read",
        13 => "\nhint: the disk is full; make room and continue with --resume",
        14 => "\nhint: its folder must exist and be writable",
        26 => "\nhint: use another file, or move this one away",
        _ => "",
    }
}

/// An error about a row whose content Retrial never writes.
pub(crate) fn unknown(what: &str, value: &str) -> Error {
    Error::Decode(format!("{what} is `{value}`, which this version does not know").into())
}

/// Why reading failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not found.
    #[error("there is no {what}")]
    NotFound {
        /// What was requested.
        what: String,
    },
    /// The queries exceeded their time.
    #[error("the log took longer than {} s to answer", limit.as_secs())]
    TooSlow {
        /// The limit.
        limit: Duration,
    },
    /// Too many readers at once.
    #[error("too many requests are in progress")]
    Busy,
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Failed(String),
}

impl ReadError {
    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }
}

/// The error of a user's query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

impl QueryError {
    /// A statement of this kind accesses other files.
    pub(crate) fn beyond(word: &str) -> Self {
        Self(format!("{word} opens or writes other files, and this log is readonly"))
    }
}

impl From<Error> for QueryError {
    fn from(error: Error) -> Self {
        Self(error.as_database_error().map_or(error.to_string(), |found| found.message().into()))
    }
}
