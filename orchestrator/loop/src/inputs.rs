//! The inputs of a run: the model's files, and the problems.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use retrial_config::Config;
use retrial_data::{DataError, DataSet, HubSettings, Message, Problem, Request, Sources, Split};
use retrial_domain::Scheme;
use retrial_lte::{Method, Templates};
use retrial_store::{Input, InputKind};
use retrial_text::DateTime;

use crate::model::{Model, Parts};
use crate::pinned;
use crate::prompts::Prompts;
use crate::solution;

/// The inputs of a run.
pub struct Inputs {
    /// The model's folder on this machine.
    pub folder: PathBuf,
    /// Makes prompts that fit into the model's context.
    pub prompts: Prompts,
    /// Longest sequence of the model, tokens.
    pub context: usize,
    /// Problems to train on.
    pub train: DataSet,
    /// Held-out sets.
    pub heldout: Vec<DataSet>,
    /// Fingerprints of all inputs, for the log.
    pub pinned: Vec<Input>,
}

/// Loads sets whose prompts leave room for a response.
struct Loader<'a> {
    config: &'a Config,
    model: &'a Model,
    templates: &'a Templates,
    /// Tokens of the longest prompt of a used problem.
    longest: usize,
    /// A prompt that the model cannot read.
    unreadable: Option<anyhow::Error>,
}

impl Inputs {
    /// Loads all inputs; chat templates see the time `now`. Rows that cannot be used are left
    /// out and counted. Sets defaults of the configuration that depend on the model. Blocks, also
    /// for downloads.
    pub fn load(config: &mut Config, now: DateTime) -> Result<Self> {
        let model = Model::load(&config.model.path, Parts::Whole, &config.prompts, now)?;
        let context = model.context;
        config.rollout.fit(context);
        let config = &*config;
        let limit = config.rollout.max_tokens();
        if limit >= context {
            bail!(
                "[rollout] max_tokens is {limit}, but the model's whole context is {context} tokens\n\
                 hint: leave it out, or set it to what prompts leave of the context"
            );
        }
        let templates = config.prompts.templates();
        let mut loader =
            Loader { config, model: &model, templates: &templates, longest: 0, unreadable: None };
        let heldout = config
            .data
            .held_out()
            .map(|(name, sources)| loader.set(name, sources, Split::Test, &[]))
            .collect::<Result<Vec<_>>>()?;
        let held_out: Vec<&DataSet> = heldout.iter().collect();
        let train = loader.set("train", &config.data.train, Split::Train, &held_out)?;
        let longest = (loader.longest + config.hint.max_tokens).min(context - limit);

        let mut pinned =
            vec![pinned::model(&model, now)?, pinned::set(InputKind::Train, &train, now)?];
        for set in &heldout {
            pinned.push(pinned::set(InputKind::HeldOut, set, now)?);
        }
        let Model { folder, text, .. } = model;
        let prompts = Prompts { text: Arc::new(text), templates, longest };
        if config.run.method == Method::Gold {
            for task in train.tasks() {
                let scheme = config.reward.scheme(&task.problem.tags);
                let by_grader = scheme.is_ok_and(Scheme::is_math);
                solution::check(&prompts, context, &task, by_grader)?;
            }
        }
        Ok(Self { folder, prompts, context, train, heldout, pinned })
    }

    /// Tokens of the longest sequence of a run: prompt, hint and response.
    pub fn longest_sequence(&self, config: &Config) -> usize {
        self.prompts.longest + config.rollout.max_tokens()
    }
}

impl Loader<'_> {
    fn set(
        &mut self,
        name: &str,
        sources: &Sources,
        split: Split,
        held_out: &[&DataSet],
    ) -> Result<DataSet> {
        let config = self.config;
        let data = &config.data;
        let request = Request {
            set: name,
            sources,
            columns: data.columns.as_ref(),
            split,
            max_left_out: data.max_left_out,
            solutions: config.reward.asks_others()
                || split == Split::Train && config.run.method == Method::Gold,
            reward: Some(&config.reward),
            held_out,
        };
        let loaded = DataSet::load(&request, &HubSettings::from_env(), |problem, context| {
            self.fits(problem, context)
        });
        match (self.unreadable.take(), loaded) {
            (Some(error), _) => Err(error),
            (None, loaded) => Ok(loaded.map_err(|error: DataError| anyhow::Error::new(error))?),
        }
    }

    fn fits(&mut self, problem: &Problem, context: &[Message]) -> Result<(), String> {
        let tokens = match self.model.prompt_tokens(self.templates, problem, context) {
            Ok(tokens) => tokens,
            Err(error) => {
                let said = format!("{error:#}");
                self.unreadable.get_or_insert(error);
                return Err(said);
            }
        };
        let limit = self.config.rollout.max_tokens();
        let whole = self.model.context;
        if tokens + limit > whole {
            return Err(format!(
                "the prompt has {tokens} tokens; with max_tokens {limit} that is more than the \
                 model's context of {whole}"
            ));
        }
        self.longest = self.longest.max(tokens);
        Ok(())
    }
}
