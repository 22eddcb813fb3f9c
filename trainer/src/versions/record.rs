//! The record of a version, beside its weights and moments.

use retrial_protocol::{TrainReport, WeightVersion};
use serde::{Deserialize, Serialize};

/// The record of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version.
    pub version: WeightVersion,
    /// Optimizer steps since the initial model.
    pub optimizer_steps: u64,
    /// Coefficient of an adaptive entropy bonus for the next update.
    pub entropy_coefficient: Option<f64>,
    /// The update that made it; none for version 0.
    pub report: Option<TrainReport>,
}
