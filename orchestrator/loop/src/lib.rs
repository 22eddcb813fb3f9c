//! The training loop of LTE: arXiv 2510.26109.
//!
//! Data flows one way: configuration, data set, rollouts, grades, mistake log, hints, extra
//! rollouts, refined groups, batch, trainer, weights, server. [`step`] is that flow for one step,
//! top to bottom; the method itself is the pure crate `retrial_lte`.
//!
//! - [`open`] opens a run, [`train`](mod@train) is the loop over its steps, [`interventions`] is
//!   what a person requests between steps.
//! - [`context`] is what a step works with: [`prompts`], [`supervisor`] (policy servers and
//!   trainer), [`pushing`] and [`verification`] of weights, [`grading`] (verifiers), the log;
//!   [`hints`] makes the prompt of a second trial.
//! - [`evaluator`] evaluates weights on sets of problems, for a run and for `retrial eval`.
//! - [`services`] starts the trainer and the embedded server.

pub mod agreement;
pub mod by_space;
pub mod card;
pub mod claim;
pub mod context;
pub mod equality;
pub mod evaluate;
pub mod evaluator;
pub mod evidence;
pub mod failure;
pub mod fault;
pub mod grading;
pub mod group;
pub mod hints;
pub mod inputs;
pub mod interventions;
pub mod journal;
pub mod model;
pub mod open;
pub mod open_files;
pub mod order;
pub mod others;
pub mod pinned;
pub mod pool_source;
pub mod progress;
pub mod prompts;
pub mod pushing;
pub mod report;
pub mod reward;
pub mod sampling;
pub mod services;
pub mod solution;
pub mod spaces;
pub mod step;
pub mod stop;
pub mod summary;
pub mod supervisor;
pub mod suspicions;
pub mod tracking;
pub mod train;
pub mod trainer;
pub mod verification;
pub mod worry;
