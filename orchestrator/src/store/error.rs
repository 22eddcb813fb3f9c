//! What can go wrong with the mistake log.

use std::path::PathBuf;

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened as a log.
    #[error("cannot open the log {path}: {problem}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        problem: String,
    },
    /// A query failed.
    #[error("cannot {action} in the log: {source}{}", hint(.source))]
    Query {
        /// What was being done.
        action: &'static str,
        /// The reason.
        source: sqlx::Error,
    },
    /// A row has content that this program never writes.
    #[error("the log has {what}, which this version of retrial does not know: {value}")]
    Unknown {
        /// Which value.
        what: &'static str,
        /// The value.
        value: String,
    },
}

/// `SQLITE_BUSY`, `SQLITE_FULL`.
const BUSY: &str = "5";
const FULL: &str = "13";

fn hint(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        Some(FULL) => "\nhint: the disk is full; make room and go on by --resume",
        Some(BUSY) => "\nhint: another process writes to it; two runs at once need two logs",
        _ => "",
    }
}

/// Says what was being done when a query failed.
pub trait Doing<T> {
    /// Names the action, as in "cannot ACTION in the log".
    fn doing(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Query { action, source })
    }
}
