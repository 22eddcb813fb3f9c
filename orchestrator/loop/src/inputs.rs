//! What a run reads before it begins: the tokenizer and the problems, checked against each other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use retrial_config::Config;
use retrial_data::{self as dataset, Task};
use retrial_domain::Problem;
use retrial_lte::{HintKind, Method, Templates};
use retrial_text::Text;
use serde::Deserialize;

use crate::evaluator::Set;
use crate::prompts::Prompts;
use crate::solution;

/// The inputs of a run.
pub struct Inputs {
    /// Writes prompts that fit into the model's context.
    pub prompts: Prompts,
    /// Longest sequence of the model, tokens.
    pub context: usize,
    /// Problems to train on.
    pub train: Vec<Arc<Task>>,
    /// Held-out sets.
    pub heldout: Vec<Set>,
}

/// What a model's folder says of the words that it knows.
pub struct Model {
    /// The tokenizer and the chat template.
    pub text: Text,
    /// Longest sequence, tokens.
    pub context: usize,
    /// Token ids that it has.
    vocabulary: u32,
}

#[derive(Deserialize)]
struct ModelFile {
    max_position_embeddings: usize,
    vocab_size: u32,
}

impl Model {
    /// Reads the description of the model in a folder, not its weights.
    pub fn load(folder: &Path) -> Result<Self> {
        let text = Text::load(folder).context("cannot use the model's tokenizer")?;
        let ModelFile { max_position_embeddings: context, vocab_size: vocabulary } =
            read_model(folder)?;
        Ok(Self { text, context, vocabulary })
    }

    /// Tokens of the plain prompt of a problem; an error if the model does not have one of them.
    pub fn prompt_tokens(&self, prompts: &Templates, problem: &Problem) -> Result<usize, String> {
        let prompt = prompts.render(HintKind::Plain, &problem.text, &[]);
        let ids = self.text.prompt(&prompt).map_err(|error| error.to_string())?;
        // SGLang ends at a token that the model does not have.
        if let Some(id) = ids.iter().find(|&&id| id >= self.vocabulary) {
            return Err(format!(
                "the prompt of problem `{}` has token {id}, the model has {}: the tokenizer belongs \
                 to another model",
                problem.id, self.vocabulary
            ));
        }
        Ok(ids.len())
    }
}

impl Inputs {
    /// Reads them all. A problem whose prompt leaves no room for a response is an error with the
    /// file and line it stands on.
    pub fn load(config: &Config) -> Result<Self> {
        let model = Model::load(&config.model.path)?;
        let context = model.context;
        let limit = config.rollout.max_tokens;
        if limit >= context {
            bail!(
                "[rollout] max_tokens is {limit}, but the model's whole context is {context} tokens"
            );
        }
        let fits = |problem: &Problem| {
            let tokens = model.prompt_tokens(&config.prompts, problem)?;
            if tokens + limit <= context {
                return Ok(());
            }
            Err(format!(
                "the prompt of problem `{}` has {tokens} tokens; with max_tokens {limit} that is \
                 more than the model's context of {context}",
                problem.id
            ))
        };
        let train = dataset::load(&config.data.train, None, fits)?;
        let train: Vec<_> = train.into_iter().map(Arc::new).collect();
        let k = config.evaluation.k;
        let heldout = config
            .data
            .held_out()
            .map(|(name, path, benchmark)| {
                let tasks = dataset::load(path, benchmark, fits)?;
                Ok(Set::new(name, path.display().to_string(), k, tasks))
            })
            .collect::<Result<_>>()?;
        let templates = config.prompts.clone();
        let text = Arc::new(model.text);
        let prompts = Prompts { text, templates, longest: context - limit };
        if config.run.method == Method::Gold {
            let path = config.data.train.display();
            for task in &train {
                solution::check(&prompts, context, task).with_context(|| path.to_string())?;
            }
        }
        Ok(Self { prompts, context, train, heldout })
    }
}

fn read_model(model: &Path) -> Result<ModelFile> {
    let path: PathBuf = model.join("config.json");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a model's configuration", path.display()))
}
