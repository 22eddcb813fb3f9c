//! What a log answers: one file a subject, plain data out.
//!
//! Each type here is what the API answers and what a page is rendered from, so that each number on a
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
pub mod unsolved;
