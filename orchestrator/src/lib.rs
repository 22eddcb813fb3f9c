//! The command line of Retrial, which trains language models to reason by trial and error: LTE,
//! arXiv 2510.26109. The loop is the crate `retrial_loop`, the dashboard `retrial_dashboard`; this
//! crate joins them.

pub mod check;
pub mod commands;
pub mod eval;
pub mod study;
pub mod watched;
