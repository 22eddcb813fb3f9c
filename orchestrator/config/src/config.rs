//! The whole configuration, and how it is read.

use std::path::{Path, PathBuf};

use retrial_domain::RewardConfig;
use retrial_protocol::{Objective, Optimizer};
use serde::{Deserialize, Serialize};

use crate::dashboard::DashboardConfig;
use crate::data::DataConfig;
use crate::error::ConfigError;
use crate::log::LogConfig;
use crate::model::ModelConfig;
use crate::overrides;
use crate::prompts::PromptsConfig;
use crate::rollout::{EvaluationConfig, HintConfig, RolloutConfig};
use crate::run::RunConfig;
use crate::server::ServerConfig;
use crate::track::TrackConfig;
use crate::trainer::{Precision, TrainerConfig};

/// A valid configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The run: name, method, length.
    pub run: RunConfig,
    /// The initial model.
    pub model: ModelConfig,
    /// The problems.
    pub data: DataConfig,
    /// Sampling.
    #[serde(default)]
    pub rollout: RolloutConfig,
    /// Verifiers.
    #[serde(default)]
    pub reward: RewardConfig,
    /// The content of hints.
    #[serde(default)]
    pub hint: HintConfig,
    /// The prompt templates.
    #[serde(default)]
    pub prompts: PromptsConfig,
    /// The objective.
    #[serde(default)]
    pub objective: Objective,
    /// The optimizer.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Held-out evaluation.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// Policy servers.
    #[serde(default)]
    pub server: ServerConfig,
    /// The trainer.
    #[serde(default)]
    pub trainer: TrainerConfig,
    /// What the log keeps.
    #[serde(default)]
    pub log: LogConfig,
    /// The dashboard.
    #[serde(default)]
    pub dashboard: DashboardConfig,
    /// The tracker.
    #[serde(default)]
    pub track: TrackConfig,
}

impl Config {
    /// Reads and checks the file at `path` with `key=value` overrides.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let mut config = overrides::parse::<Self>(path, &text, overrides)?;
        let base = path.parent().unwrap_or(Path::new(""));
        config.model.path.resolve(base);
        config.data.resolve(base);
        config.reward.resolve(base);
        for input in
            [&mut config.dashboard.token_file, &mut config.server.ca_file].into_iter().flatten()
        {
            *input = base.join(&*input);
        }
        config.check().map_err(|problem| ConfigError::Invalid { path: path.into(), problem })?;
        Ok(config)
    }

    /// The folder of the run's weights.
    pub fn weights(&self) -> PathBuf {
        self.run.folder.join(&self.run.name)
    }

    /// Tolerance: the largest mean difference between the server's and the trainer's log-probabilities,
    /// nats. In f32 the kernels of different programs agree within 1e-5; in bf16 they are
    /// about 0.01 apart.
    pub fn tolerance(&self) -> f64 {
        self.server.tolerance.unwrap_or(match self.trainer.precision {
            Precision::F32 => 1e-4,
            Precision::Bf16 => 0.02,
        })
    }

    /// Tokens of each step that verify the weights. bf16 numbers are so
    /// noisy that it takes thousands. The embedded server is part of Retrial: it is verified by
    /// the probe of each push only.
    pub fn verify_tokens(&self) -> usize {
        self.server.verify_tokens.unwrap_or(match self.trainer.precision {
            _ if self.server.urls.is_empty() => 0,
            Precision::F32 => 512,
            Precision::Bf16 => 4096,
        })
    }

    /// The objective, with defaults that depend on the rest of the configuration.
    pub fn objective(&self) -> Objective {
        let mut objective = self.objective.clone();
        objective.length_divisor.get_or_insert(self.rollout.max_tokens() as f64);
        objective
    }
}
