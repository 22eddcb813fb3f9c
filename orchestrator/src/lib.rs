//! Retrial trains language models to reason by trial and error: LTE, arXiv 2510.26109.
//!
//! Data flows one way: configuration, data set, rollouts, grades, mistake log, hints, extra
//! rollouts, refined groups, batch, trainer, weights, server. [`step`] is that flow for one step,
//! top to bottom; the method itself is the pure crate `retrial_lte`. I/O stands at the edges:
//! [`server`] (rollouts), [`trainer`] (updates), [`store`] (the log).

pub mod agreement;
pub mod check;
pub mod claim;
pub mod commands;
pub mod context;
pub mod dashboard;
pub mod dataset;
pub mod eval;
pub mod evaluate;
pub mod evaluator;
pub mod failure;
pub mod fault;
pub mod grading;
pub mod group;
pub mod inputs;
pub mod interventions;
pub mod live;
pub mod open;
pub mod open_files;
pub mod order;
pub mod progress;
pub mod prompts;
pub mod report;
pub mod sampling;
pub mod services;
pub mod solution;
pub mod step;
pub mod stop;
pub mod study;
pub mod summary;
pub mod supervisor;
pub mod train;
pub mod trainer;
pub mod watched;

pub use retrial_config as config;
pub use retrial_domain as domain;
pub use retrial_servers as server;
/// Calls over HTTP.
pub use retrial_servers as http;
pub use retrial_store as store;
