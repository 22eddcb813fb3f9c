//! Retrial trains language models to reason by trial and error: LTE, arXiv 2510.26109.
//!
//! Data flows one way: configuration, data set, rollouts, grades, mistake log, hints, extra
//! rollouts, refined groups, batch, trainer, weights, server. [`step`] is that flow for one step,
//! top to bottom; the method itself is the pure crate `retrial_lte`. I/O stands at the edges:
//! [`server`] (rollouts), [`trainer`] (updates), [`store`] (the log).

pub mod agreement;
pub mod between;
pub mod check;
pub mod claim;
pub mod commands;
pub mod config;
pub mod dashboard;
pub mod document;
pub mod domain;
pub mod eval;
pub mod evaluate;
pub mod failure;
pub mod fault;
pub mod http;
pub mod inputs;
pub mod live;
pub mod open_files;
pub mod order;
pub mod progress;
pub mod report;
pub mod rollouts;
pub mod run;
pub mod server;
pub mod services;
pub mod step;
pub mod stop;
pub mod store;
pub mod study;
pub mod summary;
pub mod trainer;

pub use retrial_data as dataset;
