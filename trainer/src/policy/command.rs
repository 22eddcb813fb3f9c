//! Commands from the handle to the sampling thread, and their answers.

use std::path::PathBuf;
use std::sync::Arc;

use retrial_native::torch::TorchError;
use tokio::sync::oneshot;

use super::sampling::{LogprobsMode, Score};
use super::sequence::{Job, Output};
use crate::compute::Compute;

/// Settings of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Sequences sampled at the same time; further ones wait.
    pub max_sequences: usize,
    /// Longest sequence, tokens; within the model's context.
    pub context: usize,
    /// Which log-probabilities are reported.
    pub logprobs: LogprobsMode,
    /// Threads of a product.
    pub threads: u16,
    /// Where and how it computes.
    pub compute: Compute,
    /// Whose products are used on the processor.
    pub products: Products,
}

/// Whose products are used on the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Products {
    /// libtorch's for a tiny model where they do not depend on their neighbours, else those of
    /// [`retrial_native::cpu`].
    #[default]
    Best,
    /// Those of [`retrial_native::cpu`].
    Own,
}

/// All responses to a prompt.
#[derive(Debug)]
pub struct Completion {
    /// In the order of their positions.
    pub outputs: Vec<Output>,
    /// The log-probability of each token of the prompt after the first, if requested.
    pub prompt_scores: Option<Vec<Score>>,
    /// Label of the weights when the last response ended.
    pub weight_version: Arc<str>,
}

/// What happens to sequences in flight when the server is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseMode {
    /// They are aborted.
    Abort,
    /// They are finished first.
    Wait,
    /// They stay, and continue when the server is resumed.
    Keep,
}

/// A command to the sampling thread.
pub(super) enum Command {
    Generate { job: Arc<Job>, reply: Reply },
    HungUp,
    Pause { mode: PauseMode, clear_cache: bool, reply: oneshot::Sender<()> },
    Resume { reply: oneshot::Sender<()> },
    IsPaused { reply: oneshot::Sender<bool> },
    Reload { folder: Option<PathBuf>, reply: oneshot::Sender<Result<(), String>> },
    SetVersion { version: Arc<str>, reply: oneshot::Sender<()> },
    Version { reply: oneshot::Sender<Arc<str>> },
}

/// Where the answer to [`Command::Generate`] goes.
pub(super) type Reply = oneshot::Sender<Result<Completion, GenerateError>>;

/// The sampling thread has ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the sampling thread has ended; the server's log says why")]
pub struct EngineGone;

/// Why there are no responses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GenerateError {
    /// The model could not compute them.
    #[error("the forward pass failed: {error}{}", advice(.error))]
    Forward {
        /// libtorch's error.
        error: TorchError,
    },
    /// The thread has ended.
    #[error(transparent)]
    EngineGone(#[from] EngineGone),
}

fn advice(error: &TorchError) -> &'static str {
    if error.is_out_of_memory() { "\nhint: lower --max-num-seqs or --max-model-len" } else { "" }
}
