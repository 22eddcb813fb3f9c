//! The commands of `retrial`.

pub mod check;
pub mod dashboard;
pub mod grade;
pub mod mistakes;
pub mod run;
pub mod study;
