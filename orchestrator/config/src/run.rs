//! `[run]`: the run itself.

use std::path::PathBuf;

use retrial_lte::Method;
use serde::{Deserialize, Serialize};

/// `[run]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The run's name, unique in the database.
    pub name: String,
    /// How none-pass problems are treated.
    pub method: Method,
    /// Training steps.
    pub steps: u64,
    /// Response tokens after which the run ends, before its last step.
    pub max_tokens: Option<u64>,
    /// Random seed.
    #[serde(default)]
    pub seed: u64,
    /// The mistake log.
    #[serde(default = "default_database")]
    pub database: PathBuf,
    /// Folder of the run's weights: `FOLDER/NAME/v000001`, ...
    #[serde(default = "default_folder")]
    pub folder: PathBuf,
    /// Weight versions to keep on disk.
    #[serde(default = "default_keep")]
    pub keep: usize,
}

fn default_database() -> PathBuf {
    "retrial.db".into()
}

fn default_folder() -> PathBuf {
    "runs".into()
}

fn default_keep() -> usize {
    3
}
