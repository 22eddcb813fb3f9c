//! What a run reads before it begins: the tokenizer and the problems, checked against each other.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use retrial_grader::{Extraction, Verdict, grade};
use retrial_lte::{HintKind, Method, Templates};
use retrial_text::Text;
use serde::Deserialize;

use crate::config::Config;
use crate::dataset::{self, Task};
use crate::domain::Problem;

/// The inputs of a run.
pub struct Inputs {
    /// The tokenizer and the chat template.
    pub text: Text,
    /// Longest sequence of the model, tokens.
    pub context: usize,
    /// Problems to train on.
    pub train: Vec<Task>,
    /// Held-out problems by name.
    pub heldout: Vec<(String, Vec<Task>)>,
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
        if config.run.method == Method::Gold {
            solutions_fit(&train, &model.text, config, context)?;
        }
        let heldout = config
            .data
            .held_out()
            .map(|(name, path, benchmark)| {
                Ok((name.to_owned(), dataset::load(path, benchmark, fits)?))
            })
            .collect::<Result<_>>()?;
        Ok(Self { text: model.text, context, train, heldout })
    }
}

/// The tokens of a solution, with the one that ends a response.
pub fn solution_tokens(text: &Text, solution: &str) -> Result<Vec<u32>> {
    let mut ids = text.encode(solution).context("cannot encode a solution")?;
    ids.push(text.end_token().context("the tokenizer names no end token")?);
    Ok(ids)
}

/// Every problem has a right solution that fits into the context behind its prompt.
fn solutions_fit(train: &[Task], text: &Text, config: &Config, context: usize) -> Result<()> {
    let path = config.data.train.display();
    for Task { problem, gold, solution, .. } in train {
        let id = &problem.id;
        let Some(solution) = solution else {
            bail!(
                "{path}: problem `{id}` has no `solution`, method `gold` learns from it\n\
                 hint: method `lte` needs none"
            );
        };
        if grade(gold, solution, Extraction::Auto).verdict != Verdict::Correct {
            bail!("{path}: the solution of problem `{id}` does not come to its answer");
        }
        let prompt = config.prompts.render(HintKind::Plain, &problem.text, &[]);
        let tokens = text.prompt(&prompt)?.len() + solution_tokens(text, solution)?.len();
        if tokens > context {
            bail!(
                "{path}: problem `{id}` and its solution have {tokens} tokens, more than the model's \
                 context of {context}"
            );
        }
    }
    Ok(())
}

fn read_model(model: &Path) -> Result<ModelFile> {
    let path: PathBuf = model.join("config.json");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a model's configuration", path.display()))
}
