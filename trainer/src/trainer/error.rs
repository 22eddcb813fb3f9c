//! Why a request to the trainer fails, and why a trainer ends.

use retrial_native::c10d::GroupError;
use retrial_native::torch::TorchError;
use retrial_protocol::{Step, WeightVersion};

use crate::model::ModelError;
use crate::ranks::HearError;
use crate::update::LearnError;

/// Why a request to the trainer failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// The step does not follow on the version that is here.
    #[error(
        "step {step} starts from version {}, the trainer is at version {version}\n\
         hint: the trainer's folder belongs to another run, or two runs share it",
        .step.base()
    )]
    OutOfOrder {
        /// The step that was asked for.
        step: Step,
        /// The version that is here.
        version: WeightVersion,
    },
    /// The step was taken already, on other samples.
    #[error("step {step} was taken already, on another batch")]
    OtherBatch {
        /// The step that was asked for.
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
    /// A version that is not there, or not any more.
    #[error("version {version} of the weights is not on the trainer's disk")]
    NoVersion {
        /// The version that was asked for.
        version: WeightVersion,
    },
    /// Nothing is sampled at this temperature.
    #[error("the temperature is {temperature}, it must be above 0")]
    Temperature {
        /// As it was asked for.
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
        /// What was done.
        during: &'static str,
        /// libtorch's error.
        error: TorchError,
    },
    /// The leader's message makes no sense to this rank.
    #[error(transparent)]
    Order(HearError),
    /// The ranks are not together any more.
    #[error(transparent)]
    Ranks(#[from] GroupError),
}

impl From<HearError> for TrainerError {
    fn from(error: HearError) -> Self {
        match error {
            HearError::Ranks(lost) => Self::Ranks(lost),
            HearError::Unreadable { .. } => Self::Order(error),
        }
    }
}

/// Why a trainer can take no more steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Other ranks are gone, or do not know any more where this one stands.
    #[error(
        "the trainer has lost other ranks\nhint: start all ranks again; the last version is whole"
    )]
    RanksLost,
    /// A step failed, and the last version could not be taken up again.
    #[error(
        "the trainer could not go back to its last version after a step that failed\n\
         hint: its log says why; start it again, the last version is whole"
    )]
    NoPolicy,
}
