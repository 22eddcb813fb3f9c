//! The domain of Retrial: problems, rollouts, grades, scores. Plain data, no I/O.

mod benchmark;
mod judgement;
mod mistake;
mod problem;
mod rollout;
mod score;
mod sources;
mod verifier;

pub use benchmark::Benchmark;
pub use judgement::{
    FINGERPRINT, Judgement, NoReward, Part, Question, Reward, Submission, is_long,
};
pub use mistake::MistakeKind;
pub use problem::{Problem, ProblemId};
pub use retrial_protocol::FinishReason;
pub use rollout::{GradedRollout, Rollout, Trial};
pub use score::{Score, Tally, mean, pass_at_k, standard_errors};
pub use sources::{Columns, HUB_SCHEME, MAX_LEFT_OUT, Source, Sources};
pub use verifier::{
    Choice, CodeSettings, CommandSettings, HttpSettings, RewardConfig, Scheme, Truncated, Verifier,
    VerifierKind, Weighted,
};
