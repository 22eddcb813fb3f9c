//! What pages and the API show, read from the log: one file a subject, plain data out.
//!
//! Every type here is what the API answers and what a page is rendered from, so that each number
//! on a page has a twin in JSON.

pub mod compare;
pub mod mistakes;
pub mod overview;
pub mod problem;
pub mod problems;
pub mod runs;
pub mod status;
pub mod step;

/// Rows of a page of a table.
pub const PAGE_ROWS: u32 = 50;
/// Most rows that a program may ask for at once.
pub const MAX_ROWS: u32 = 1000;

/// Which rows of a table are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows to skip.
    pub offset: u32,
    /// Rows to show.
    pub limit: u32,
}
