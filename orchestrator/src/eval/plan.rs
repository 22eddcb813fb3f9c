//! What is evaluated, and how.

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

/// What is evaluated, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name in the log.
    pub name: String,
    /// The model.
    pub weights: Weights,
    /// The sets.
    pub sets: Vec<SetArgument>,
    /// Samples a problem, in place of what each set usually has.
    pub k: Option<u32>,
    /// Sampling temperature.
    pub temperature: f64,
    /// Nucleus: the share of probability that is sampled from.
    pub top_p: f64,
    /// Most tokens of a response; without a number the paper's, or less if the model's context has
    /// no room for it.
    pub max_tokens: Option<usize>,
    /// Everything random follows from it.
    pub seed: u64,
    /// The words of the prompt.
    pub prompts: PromptsConfig,
    /// Who decides about responses.
    pub reward: RewardConfig,
    /// How servers are called.
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

    /// What decides the result of a problem.
    pub(super) fn settings(&self, max_tokens: usize) -> Value {
        let mut settings = json!({
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": max_tokens,
            "seed": self.seed,
            "prompt": self.prompts.prompt,
        });
        // What is as usual is not written, as in older logs.
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

    /// The model, downloaded if it lies on the hub; only its words where servers have it already.
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
