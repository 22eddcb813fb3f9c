//! What Retrial talks about: problems, rollouts, grades, scores. Plain data, no I/O.

mod benchmark;
mod mistake;
mod problem;
mod rollout;
mod score;
mod sources;

pub use benchmark::Benchmark;
pub use mistake::MistakeKind;
pub use problem::{Problem, ProblemId};
pub use retrial_protocol::FinishReason;
pub use rollout::{GradedRollout, Rollout, Trial};
pub use score::{Score, Tally, mean, pass_at_k, standard_errors};
pub use sources::{Columns, HUB_SCHEME, MAX_LEFT_OUT, Source, Sources};
