//! Messages between the orchestrator and the trainer, and what both know about policy servers.
//!
//! The orchestrator owns the algorithm: it decides which responses are trained on, against which
//! prompt, with which advantage, and it sends the [`Objective`] with every batch. The trainer owns
//! the model: it has no configuration of a run besides the folder it works in, so a request
//! says everything about an update.
//!
//! Plain data, JSON over HTTP. No tensors, and no I/O except reading a token.

mod access;
mod batch;
mod finish;
mod health;
mod lora;
pub mod memory;
pub mod metric;
mod objective;
mod optimizer;
mod range;
mod report;
mod token;
mod units;

pub use access::Access;
pub use batch::{Batch, BatchDigest, InvalidBatch, Part, Sample};
pub use finish::FinishReason;
pub use health::{ServerHealth, Silence};
pub use lora::{InvalidLora, Lora, Target};
pub use metric::{Measured, Metric, MetricSource, PanelKey};
pub use objective::{
    Correction, Denominator, Entropy, Kl, KlEstimator, Level, Loss, Normalisation, Objective,
};
pub use optimizer::{Decayed, Optimizer, Schedule};
pub use range::InvalidObjective;
pub use report::{
    ErrorBody, PublishCall, PublishReport, PublishRequest, PushOutcome, Quantiles, ScoreRequest,
    ScoreResponse, ServerAddress, ServerKind, ServerPublish, TrainMetrics, TrainReport,
    TrainRequest, TrainerState, Transfer, VersionKind,
};
pub use token::{InvalidToken, Token};
pub use units::{Step, WeightVersion};
