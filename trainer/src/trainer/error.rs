//! Why a request to the trainer fails, and why a trainer stops.

use retrial_native::c10d::GroupError;
use retrial_native::torch::TorchError;
use retrial_protocol::{Step, WeightVersion};

use crate::model::ModelError;
use crate::ranks::ReceiveError;
use crate::update::LearnError;

/// Why a request to the trainer failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// The step does not follow the current version.
    #[error(
        "step {step} starts from version {}, the trainer is at version {version}\n\
         hint: the trainer's folder belongs to another run, or two runs share it",
        .step.base()
    )]
    OutOfOrder {
        /// The requested step.
        step: Step,
        /// The current version.
        version: WeightVersion,
    },
    /// The step was taken already, on other samples.
    #[error("step {step} was taken already, on another batch")]
    OtherBatch {
        /// The requested step.
        step: Step,
    },
    /// The sequences cannot be scored.
    #[error("sequence {index} of the request {problem}")]
    Sequence {
        /// Its position.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A version that is not on disk, or no longer.
    #[error("version {version} of the weights is not on the trainer's disk")]
    NoVersion {
        /// The requested version.
        version: WeightVersion,
    },
    /// The temperature is not positive.
    #[error("the temperature is {temperature}, it must be above 0")]
    Temperature {
        /// The requested temperature.
        temperature: f64,
    },
    /// The update failed.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The new version could not be written, or an old one not be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Another rank failed, and the step with it.
    #[error("on rank {rank}: {error}")]
    Elsewhere {
        /// The rank.
        rank: usize,
        /// What it says.
        error: String,
    },
    /// libtorch failed outside of the update itself.
    #[error("{during}: {error}")]
    Torch {
        /// What was being done.
        during: &'static str,
        /// libtorch's error.
        error: TorchError,
    },
    /// This rank cannot read the leader's message.
    #[error(transparent)]
    Order(ReceiveError),
    /// The ranks are not together any more.
    #[error(transparent)]
    Ranks(#[from] GroupError),
}

impl From<ReceiveError> for TrainerError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Ranks(lost) => Self::Ranks(lost),
            ReceiveError::Unreadable { .. } => Self::Order(error),
        }
    }
}

/// Why a trainer cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Other ranks have ended, or no longer know this rank's state.
    #[error(
        "the trainer has lost other ranks\nhint: start all ranks again; the last version is whole"
    )]
    RanksLost,
    /// A step failed, and the last version could not be loaded again.
    #[error(
        "the trainer could not go back to its last version after a step that failed\n\
         hint: its log says why; start it again, the last version is whole"
    )]
    NoPolicy,
}
