//! Why a data set cannot be used at all. Single rows that cannot be used are not errors: see `report`.

use retrial_rows::RowsError;

use crate::report::Report;

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A source cannot be read.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// It is unclear which column is what.
    #[error(
        "{file}: {problem}; its columns are {}\n\
         hint: name the columns, for example columns = {{ problem = \"question\", answer = \
         \"final.answer\" }} (a dot selects a part of a column)", .columns.join(", ")
    )]
    Columns {
        /// The file.
        file: String,
        /// What is missing.
        problem: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// No row is left.
    #[error("no problem can be used\n{report}")]
    Empty {
        /// The report of the rows.
        report: Box<Report>,
    },
    /// Too many rows were left out.
    #[error(
        "{:.1} % of the rows cannot be used, more than max_left_out = {limit} allows\n{report}\n\
         hint: fix the rows, or set [data] max_left_out to a larger share",
        .report.share_of_faults() * 100.0
    )]
    TooMuch {
        /// The report of the rows.
        report: Box<Report>,
        /// The allowed share.
        limit: f64,
    },
}
