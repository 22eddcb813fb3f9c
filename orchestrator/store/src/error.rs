//! What can go wrong with the mistake log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Error;

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {problem}", path.display())]
pub struct StoreError {
    /// What was being done, as in "cannot ACTION PATH".
    action: &'static str,
    /// The file.
    path: PathBuf,
    /// The reason and, where there is one, what to do.
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

/// What to do about an error, by `SQLite`'s primary result code.
fn hint(error: &Error) -> &'static str {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let Some(code) = code.and_then(|code| code.parse::<u32>().ok()) else { return "" };
    match code & 0xff {
        5 | 6 => {
            "\nhint: another process writes to it and does not end; end it, or give each run a \
             log of its own by --set run.database=..."
        }
        8 => "\nhint: the file and its folder must be writable",
        10 => "\nhint: the disk failed or was taken away; what was committed before is safe",
        11 => "\nhint: the file is damaged; `sqlite3 FILE .recover` gets out what can be read",
        13 => "\nhint: the disk is full; make room and go on by --resume",
        14 => "\nhint: its folder must exist and be writable",
        26 => "\nhint: name another file, or move this one away",
        _ => "",
    }
}

/// An error about a row whose content this program never writes.
pub(crate) fn unknown(what: &str, value: &str) -> Error {
    Error::Decode(format!("{what} is `{value}`, which this version does not know").into())
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The queries were stopped.
    #[error("the log took longer than {} s to answer", limit.as_secs())]
    TooSlow {
        /// How long they may take.
        limit: Duration,
    },
    /// Too many read at once.
    #[error("too many requests are under way")]
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

/// What is wrong with a query that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

impl QueryError {
    /// A statement of this kind reaches beyond the log.
    pub(crate) fn beyond(word: &str) -> Self {
        Self(format!("{word} opens or writes other files, and this log is readonly"))
    }
}

impl From<Error> for QueryError {
    fn from(error: Error) -> Self {
        Self(error.as_database_error().map_or(error.to_string(), |found| found.message().into()))
    }
}
