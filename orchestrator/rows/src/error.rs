//! Why a source cannot be read. A single row that cannot be read is not an error.

use crate::place::PlaceError;

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// A source does not exist.
    #[error("the source `{source_text}`: {problem}")]
    Source {
        /// The source, as it was given.
        source_text: String,
        /// The problem.
        problem: String,
    },
    /// The hub returned an error.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file cannot be read.
    #[error("cannot read {file}: {problem}")]
    Read {
        /// The file.
        file: String,
        /// The problem.
        problem: String,
    },
}
