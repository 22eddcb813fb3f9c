//! The configuration of a run: one TOML file, every key documented in `docs/config.toml`.
//!
//! [`Config::load`] reads the file, applies `--set` overrides and checks everything that can be
//! checked without the network. What it returns is valid. Paths of inputs (model, data)
//! are relative to the file, paths of outputs (database, weights) to the working directory.

mod check;
mod config;
mod dashboard;
mod data;
mod diff;
mod error;
mod log;
mod model;
mod overrides;
mod prompts;
mod rollout;
mod run;
mod server;
mod settings;
mod track;
mod trainer;

pub use config::Config;
pub use dashboard::DashboardConfig;
pub use data::DataConfig;
pub use diff::difference;
pub use error::ConfigError;
pub use log::LogConfig;
pub use model::{ModelConfig, ModelPath, ModelPlace};
pub use prompts::PromptsConfig;
pub use rollout::{EvaluationConfig, HintConfig, RolloutConfig};
pub use run::RunConfig;
pub use server::ServerConfig;
pub use settings::deciding;
pub use track::TrackConfig;
pub use trainer::{Precision, TrainerConfig};

#[cfg(test)]
mod tests;
