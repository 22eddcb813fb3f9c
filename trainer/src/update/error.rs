//! Why an update fails, and how ranks report it to each other.

use retrial_native::c10d::GroupError;
use retrial_native::torch::TorchError;
use retrial_protocol::{InvalidBatch, InvalidObjective};
use serde::{Deserialize, Serialize};

use crate::ranks::Ranks;

/// Why an update was rejected or failed. Unless the batch or a setting is invalid, the weights in
/// memory must not be used afterwards.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The batch is invalid.
    #[error(transparent)]
    Batch(#[from] InvalidBatch),
    /// A setting is out of range.
    #[error(transparent)]
    Settings(#[from] InvalidObjective),
    /// The objective has a KL term, but there is no reference.
    #[error("the objective has a KL term, and no reference model was loaded")]
    NoReference,
    /// A number is NaN or infinite.
    #[error("{what} is not finite\nhint: lower the learning rate, or look at the batch")]
    Diverged {
        /// Which number.
        what: String,
    },
    /// Out of memory.
    #[error("out of memory {during}: {error}\nhint: {hint}")]
    Memory {
        /// What was being done.
        during: String,
        /// libtorch's error.
        error: TorchError,
        /// Settings that need less memory.
        hint: String,
    },
    /// An error of libtorch.
    #[error("an error {during}: {error}")]
    Torch {
        /// What was being done.
        during: String,
        /// libtorch's error.
        error: TorchError,
    },
    /// Another rank failed, and the update with it.
    #[error("on rank {rank}: {error}")]
    Elsewhere {
        /// The rank.
        rank: usize,
        /// What it says.
        error: String,
        /// Whether it is out of memory.
        memory: bool,
    },
    /// The ranks are not together any more.
    #[error(transparent)]
    Ranks(#[from] GroupError),
}

impl LearnError {
    /// libtorch's error in a forward or backward pass over `sequences` sequences of `tokens` tokens.
    pub fn in_micro_batch(tokens: usize, sequences: usize, error: TorchError) -> Self {
        let during = match sequences {
            1 => format!("in a micro-batch of {tokens} tokens (1 sequence)"),
            _ => format!("in a micro-batch of {tokens} tokens ({sequences} sequences)"),
        };
        let hint = match sequences {
            1 => "a micro-batch has a whole sequence at least: set recompute = true under [trainer], \
                  or lower max_tokens under [rollout]"
                .to_owned(),
            _ => format!(
                "lower [trainer] micro_batch_tokens, to {} for example; or set recompute = true there",
                tokens / 2
            ),
        };
        Self::of(during, error, hint)
    }

    /// libtorch's error elsewhere.
    pub fn elsewhere_in_update(during: &str, error: TorchError) -> Self {
        let hint = "an adapter ([trainer] lora) or more ranks ([trainer] ranks) take less; see what \
                    else uses this memory";
        Self::of(during.into(), error, hint.into())
    }

    fn of(during: String, error: TorchError, hint: String) -> Self {
        if error.is_out_of_memory() {
            Self::Memory { during, error, hint }
        } else {
            Self::Torch { during, error }
        }
    }
}

/// An error in the form in which other ranks receive it.
#[derive(Serialize, Deserialize)]
enum Told {
    /// The error is the same for all ranks: it names a sample of the batch.
    Diverged {
        what: String,
    },
    Memory {
        error: String,
    },
    Other {
        error: String,
    },
}

impl Told {
    fn of(error: &LearnError) -> Self {
        match error {
            LearnError::Diverged { what } => Self::Diverged { what: what.clone() },
            LearnError::Memory { .. } => Self::Memory { error: error.to_string() },
            _ => Self::Other { error: error.to_string() },
        }
    }
}

/// This rank's value if no rank failed, or an error on all ranks.
pub fn agree<T>(ranks: &mut Ranks, mine: Result<T, LearnError>) -> Result<T, LearnError> {
    let told = mine.as_ref().err().map(Told::of);
    let text = told.map(|told| serde_json::to_string(&told).expect("texts are plain data"));
    let Some(failure) = ranks.failure(text)? else { return mine };
    mine.and_then(|_| {
        let rank = failure.rank;
        Err(match serde_json::from_str(&failure.error) {
            Ok(Told::Diverged { what }) => LearnError::Diverged { what },
            Ok(Told::Memory { error }) => LearnError::Elsewhere { rank, error, memory: true },
            Ok(Told::Other { error }) => LearnError::Elsewhere { rank, error, memory: false },
            Err(_) => LearnError::Elsewhere { rank, error: failure.error, memory: false },
        })
    })
}
