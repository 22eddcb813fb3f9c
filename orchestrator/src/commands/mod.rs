//! The commands of `retrial`.

pub mod grade;
pub mod mistakes;
pub mod run;
