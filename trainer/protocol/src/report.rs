//! Requests to the trainer's HTTP service and its answers.
//!
//! | route | body | answer |
//! |---|---|---|
//! | `GET /health` | | `{"status":"ok"}` |
//! | `GET /state` | | [`TrainerState`] |
//! | `POST /train` | [`TrainRequest`] | [`TrainReport`] |
//! | `POST /publish` | [`PublishCall`] | [`PublishReport`] |
//! | `POST /score` | [`ScoreRequest`] | [`ScoreResponse`] |
//!
//! A failure has a status of 4xx (the request cannot be served) or 5xx (the work failed) and an
//! [`ErrorBody`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::batch::{Batch, BatchDigest};
use crate::objective::Objective;
use crate::optimizer::Optimizer;
use crate::units::{Step, WeightVersion};

/// A request for one update. Sending the same request again after a lost answer returns the recorded
/// report: a step is never taken twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainRequest {
    /// The step; the trainer must be at `step.base()`, or have taken this step already.
    pub step: Step,
    /// The samples to train on.
    pub batch: Batch,
    /// Sampling temperature of the batch: the policy is the softmax of the logits divided by it.
    pub temperature: f64,
    /// The objective to maximise.
    pub objective: Objective,
    /// The optimizer's settings.
    pub optimizer: Optimizer,
    /// Limit on the tokens (prompts, responses and padding) of one forward pass, unless a single
    /// sample is longer. Changes memory and speed, not the result beyond rounding.
    pub micro_batch_tokens: usize,
}

/// The report of an update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// The step.
    pub step: Step,
    /// The folder of the new version, in Hugging Face layout.
    pub folder: PathBuf,
    /// Digest of its batch.
    pub batch: BatchDigest,
    /// Measurements.
    pub metrics: TrainMetrics,
}

/// Measurements of one update. Where nothing was measured (an empty part), the value is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainMetrics {
    /// The loss (minus the objective), mean over the optimizer steps of the first pass.
    pub loss: f64,
    /// Norm of the gradient before clipping, mean over the optimizer steps of the first pass.
    pub grad_norm: f64,
    /// Response tokens of the on-policy part.
    pub on_policy_tokens: usize,
    /// Response tokens of the hinted part.
    pub hinted_tokens: usize,
    /// Samples that had a forward and backward pass (advantage not 0, or an entropy bonus).
    pub trained_samples: usize,
    /// Share of on-policy tokens whose ratio was clipped, over all optimizer steps.
    pub clip_fraction: Option<f64>,
    /// Ratios of the hinted part in the first pass.
    pub rho: Option<Quantiles>,
    /// Mean entropy of the policy over the trained tokens, nats.
    pub entropy: Option<f64>,
    /// Coefficient of the entropy bonus in this update.
    pub entropy_coefficient: f64,
    /// Sampler mismatch: mean over the on-policy tokens of `|log pi_theta - sampler's log-prob|` in the
    /// first pass, nats.
    pub sampler_mismatch: Option<f64>,
    /// Share of on-policy tokens that a correction truncated or dropped.
    pub corrected_fraction: Option<f64>,
    /// Mean distance from the reference (by the estimator k3), nats a token.
    pub kl: Option<f64>,
    /// Seconds of forward pass, backward pass and optimizer.
    pub train_seconds: f64,
}

/// Quantiles of a positive quantity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// 10 %.
    pub p10: f64,
    /// 50 %.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
}

/// Pushes a version to policy servers and verifies that each serves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The version; it must be the trainer's current one.
    pub version: WeightVersion,
    /// The servers.
    pub servers: Vec<ServerAddress>,
    /// Token ids that trainer and server both score after the push; at least two.
    pub probe: Vec<u32>,
    /// Tolerance: the largest mean difference of the tokens' log-probabilities, nats.
    pub tolerance: f64,
    /// Deadline of each call to a server, seconds; it includes reading a large model from disk.
    pub timeout_seconds: u64,
    /// How whole models get to the servers; adapters always go through the disk.
    #[serde(default)]
    pub transfer: Transfer,
}

/// A push, and the credentials for the servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishCall {
    /// The push.
    #[serde(flatten)]
    pub request: PublishRequest,
    /// The credentials for the servers.
    #[serde(default)]
    pub access: Access,
}

/// How weights get to a policy server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// The server reads the folder of the version, under the same path.
    #[default]
    Disk,
    /// From GPU to GPU over NCCL; vLLM only.
    Nccl,
}

/// A policy server's address and API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAddress {
    /// Base URL.
    pub url: String,
    /// Its control routes.
    pub kind: ServerKind,
}

/// The control API of a policy server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerKind {
    /// vLLM's, and the embedded server's.
    Vllm,
    /// `SGLang`'s.
    Sglang,
}

/// The report of a push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishReport {
    /// The version that was pushed.
    pub version: WeightVersion,
    /// One entry a server.
    pub servers: Vec<ServerPublish>,
}

/// The push to one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerPublish {
    /// Base URL of the server.
    pub url: String,
    /// Seconds from pause to resume.
    pub seconds: f64,
    /// The name of the version in requests, where it is an adapter on the server's model and not the model
    /// itself.
    #[serde(default)]
    pub adapter: Option<String>,
    /// The result.
    pub outcome: PushOutcome,
}

/// The result of a push to one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// The server serves the version; this was verified.
    Verified {
        /// Largest difference of a token's log-probability between server and trainer, nats.
        max_difference: f64,
    },
    /// The server did not answer.
    Unreachable {
        /// The reason.
        error: String,
    },
    /// The server answered, but does not serve the version.
    Refused {
        /// The reason.
        error: String,
    },
    /// It says that it serves the version, and computes other numbers than the trainer.
    Mismatched {
        /// Both numbers.
        error: String,
    },
}

/// The state of the trainer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// The current version.
    pub version: WeightVersion,
    /// A newer version that was set aside because its files are damaged.
    #[serde(default)]
    pub damaged: Option<WeightVersion>,
    /// Folder of that version.
    pub folder: PathBuf,
    /// Kind of weights in it.
    #[serde(default)]
    pub kind: VersionKind,
    /// Parameters of the model.
    pub parameters: usize,
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Longest sequence, tokens.
    pub context: usize,
}

/// Kind of weights in a version's folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionKind {
    /// A whole model.
    #[default]
    Model,
    /// A low-rank adapter in PEFT's files, for the initial model.
    Adapter,
}

/// A request for the log-probabilities of given sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRequest {
    /// Token ids, each at least two.
    pub sequences: Vec<Vec<u32>>,
    /// Sampling temperature that the logits are divided by.
    pub temperature: f64,
    /// The weights to score with: the current ones, or an older version that is still on the
    /// trainer's disk.
    #[serde(default)]
    pub version: Option<WeightVersion>,
}

/// Log-probabilities of given sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreResponse {
    /// The version that scored.
    pub version: WeightVersion,
    /// For each sequence of n tokens the n - 1 log-probabilities of its tokens after the first,
    /// nats.
    pub logprobs: Vec<Vec<f32>>,
}

/// The body of a failed request's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The error message.
    pub error: String,
}
