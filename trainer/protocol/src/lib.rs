//! What passes between the orchestrator and the trainer.
//!
//! The orchestrator owns the algorithm: it decides which responses are trained on, against which
//! prompt, with which advantage, and it sends the [`Objective`] with every batch. The trainer owns
//! the model: it holds no configuration of a run beyond the folder it works in, so that a request
//! says all there is to know about an update.
//!
//! Plain data, JSON over HTTP. No tensors, and no I/O but to read a token.

mod batch;
mod lora;
pub mod memory;
pub mod metric;
mod objective;
mod report;
mod token;
mod units;

pub use batch::{Batch, BatchDigest, InvalidBatch, Part, Sample};
pub use lora::{InvalidLora, Lora, Target};
pub use metric::{Measured, Metric, MetricSource, PanelKey};
pub use objective::{
    Correction, Decayed, Denominator, Entropy, InvalidObjective, Kl, KlEstimator, Level, Loss,
    Normalisation, Objective, Optimizer, Schedule,
};
pub use report::{
    ErrorBody, PublishReport, PublishRequest, PushOutcome, Quantiles, ScoreRequest, ScoreResponse,
    ServerAddress, ServerKind, ServerPublish, TrainMetrics, TrainReport, TrainRequest,
    TrainerState, Transfer, VersionKind,
};
pub use token::{InvalidToken, Token};
pub use units::{Step, WeightVersion};
