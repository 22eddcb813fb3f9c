//! The commands of `retrial`.

pub mod check;
pub mod dashboard;
pub mod eval;
pub mod export;
pub mod grade;
mod input;
pub mod log;
pub mod mistakes;
pub mod output;
pub mod prompts;
pub mod report;
pub mod run;
pub mod sql;
pub mod status;
pub mod study;
