//! The settings of an evaluation.

use std::path::PathBuf;

use anyhow::{Result, bail};
use retrial_config::{PromptsConfig, ServerConfig, deciding};
use retrial_domain::{RewardConfig, Truncated};
use retrial_grader::Extraction;
use retrial_loop::model::{Model, Parts};
use retrial_lte::Seed;
use serde_json::{Value, json};

use super::sets::SetArgument;
use super::weights::Weights;

/// The settings of an evaluation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name in the log.
    pub name: String,
    /// The model.
    pub weights: Weights,
    /// The sets.
    pub sets: Vec<SetArgument>,
    /// Samples per problem, instead of the default of each set.
    pub k: Option<u32>,
    /// Sampling temperature.
    pub temperature: f64,
    /// Nucleus sampling (top-p).
    pub top_p: f64,
    /// Limit on the tokens of a response; by default the paper's, or less if the model's context has
    /// no room for it.
    pub max_tokens: Option<usize>,
    /// Random seed.
    pub seed: u64,
    /// The prompt template.
    pub prompts: PromptsConfig,
    /// The verifiers of responses.
    pub reward: RewardConfig,
    /// How to call the servers.
    pub server: ServerConfig,
    /// The log.
    pub database: PathBuf,
}

impl Plan {
    pub(super) fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            bail!("the evaluation needs a name\nhint: --name NAME");
        }
        if self.sets.is_empty() {
            bail!(
                "there is nothing to evaluate on\n\
                 hint: --benchmark math500, --benchmark all, or --data NAME=FILE"
            );
        }
        let mut names: Vec<&str> = self.sets.iter().map(|set| set.name.as_str()).collect();
        names.sort_unstable();
        if let Some((name, _)) = names.iter().zip(&names[1..]).find(|(one, next)| one == next) {
            bail!("the set `{name}` is named twice");
        }
        if self.k == Some(0) {
            bail!("--k is 0, it must be at least 1");
        }
        if self.max_tokens == Some(0) {
            bail!("--max-tokens is 0, it must be at least 1");
        }
        let Self { temperature, top_p, .. } = self;
        if !(temperature.is_finite() && *temperature >= 0.0) {
            bail!("--temperature is {temperature}, it must be 0 or more");
        }
        if *temperature == 0.0 && self.k != Some(1) {
            bail!("at temperature 0 all samples are the same\nhint: add --k 1");
        }
        if !(*top_p > 0.0 && *top_p <= 1.0) {
            bail!("--top-p is {top_p}, it must be above 0 and at most 1");
        }
        if let Err(error) = self.prompts.check() {
            bail!("--prompt: {error}");
        }
        Ok(())
    }

    /// The settings that decide the result of a problem.
    pub(super) fn settings(&self, max_tokens: usize) -> Value {
        let mut settings = json!({
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": max_tokens,
            "seed": self.seed,
            "prompt": self.prompts.prompt,
        });
        // Defaults are not written, as in older logs.
        let PromptsConfig { system, template_kwargs, chat, stop, .. } = &self.prompts;
        if let Some(system) = system {
            settings["system"] = json!(system);
        }
        if !template_kwargs.is_empty() {
            settings["template_kwargs"] = json!(template_kwargs);
        }
        if !chat {
            settings["chat"] = json!(chat);
        }
        if !stop.is_empty() {
            settings["stop"] = json!(stop);
        }
        // Nor is what evaluations did before it could be chosen.
        if self.reward.truncated == Truncated::Graded {
            settings["truncated"] = json!(self.reward.truncated);
        }
        let reward = RewardConfig { truncated: Truncated::Graded, ..self.reward.clone() };
        if reward != RewardConfig::default().looking_in(Extraction::Auto) {
            settings["reward"] = deciding(&reward);
        }
        settings
    }

    /// The model, downloaded if it is on the hub; only its tokenizer if servers have the model.
    pub(super) fn model(&self) -> Result<Model> {
        let parts = match self.weights {
            Weights::Folder(_) => Parts::Whole,
            Weights::Served { .. } => Parts::Description,
        };
        let (path, now) = (self.weights.description(), retrial_text::now());
        tokio::task::block_in_place(|| Model::load(path, parts, &self.prompts, now))
    }

    pub(super) fn seed(&self) -> Seed {
        Seed(self.seed).of_text("eval")
    }
}
