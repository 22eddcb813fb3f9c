//! Reading a log: one file for each subject, plain data out.
//!
//! Each type here is an answer of the API, and pages are rendered from it, so that each number on a
//! page has a twin in JSON.

pub mod failures;
pub mod metrics;
pub mod mistakes;
pub mod overview;
pub mod problem;
pub mod problems;
pub mod processes;
pub mod runs;
pub mod sql;
mod statement;
pub mod status;
pub mod steps;
pub mod trials;
pub mod trouble;
pub mod unsolved;
