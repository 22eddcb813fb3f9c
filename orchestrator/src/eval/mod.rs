//! Evaluation of a model without training: benchmarks of the paper, and problems of one's own.
//!
//! As in the paper (arXiv 2510.26109, section on evaluation) each problem is sampled k times, 4 or
//! 16; Pass@1 is the mean share of correct samples, Pass@k the unbiased estimate, the average the
//! plain mean over benchmarks. Each problem enters the log as soon as it is graded, so that an
//! evaluation that was interrupted goes on with the next. The weights are never touched: the
//! embedded server is started on a folder, or servers are taken as they are.

mod bootstrap;
mod compare;
mod sampling;
mod scores;
mod sets;
mod weights;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use retrial_lte::Seed;
use serde_json::{Value, json};

use retrial_config::{PromptsConfig, ServerConfig, difference};
use retrial_data::{Message, Problem};
use retrial_loop::evaluator::{Set, enter};
use retrial_loop::failure::Failure;
use retrial_loop::grading::Grading;
use retrial_loop::model::{Model, Parts};
use retrial_loop::prompts::Prompts;
use retrial_store::{EvalId, NewEval, Store};

pub use bootstrap::{Interval, interval};
pub use compare::{Change, Comparison, compare};
pub use scores::{SetScore, scores};
pub use sets::SetArgument;
pub use weights::{Weights, of_run};

/// Most tokens of a response in the paper.
const MAX_TOKENS: usize = 8192;

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
    /// How servers are called.
    pub server: ServerConfig,
    /// The log.
    pub database: PathBuf,
}

/// An evaluation with its problems read, and its place in the log.
struct Eval {
    plan: Plan,
    store: Store,
    id: EvalId,
    /// The model's folder on this machine.
    folder: PathBuf,
    prompts: Prompts,
    grading: Grading,
    max_tokens: usize,
    sets: Vec<Set>,
}

/// Evaluates; goes on with what the log has of the evaluation of this name.
pub async fn eval(plan: Plan) -> Result<Vec<SetScore>, Failure> {
    let eval = open(plan).await.map_err(Failure::Input)?;
    sampling::sample(&eval).await?;
    let names: Vec<&str> = eval.sets.iter().map(Set::name).collect();
    let scores = scores(&eval.store, eval.id, &names).await?;
    eval.store.close().await;
    Ok(scores)
}

/// Reads everything, and only then opens the log.
async fn open(plan: Plan) -> Result<Eval> {
    plan.check()?;
    let model = plan.model()?;
    let (sets, longest) = load(&plan, &model)?;
    let room = model.context.saturating_sub(longest);
    let max_tokens = match plan.max_tokens {
        Some(asked) if asked > room => bail!(
            "the longest prompt has {longest} tokens and the model's context {}: there is no room \
             for responses of {asked}\nhint: --max-tokens {room}",
            model.context
        ),
        Some(asked) => asked,
        None if room == 0 => bail!(
            "the longest prompt has {longest} tokens, more than the model's context of {}",
            model.context
        ),
        None => MAX_TOKENS.min(room),
    };
    let store = Store::open(&plan.database).await?;
    let settings = plan.settings(max_tokens);
    let id = find(&store, &plan, &model.source, &settings).await?;
    for set in &sets {
        enter(&store, id, &plan.name, set).await?;
    }
    let text = Arc::new(model.text);
    let templates = plan.prompts.templates();

    let prompts = Prompts { text: Arc::clone(&text), templates, longest };
    let grading = Grading::new(text);
    let folder = model.folder;
    Ok(Eval { plan, store, id, folder, prompts, grading, max_tokens, sets })
}

/// The sets, and tokens of the longest prompt. They come from the network, so on a thread that may
/// wait.
fn load(plan: &Plan, model: &Model) -> Result<(Vec<Set>, usize)> {
    let templates = plan.prompts.templates();
    let mut longest = 0;
    let mut unreadable = None;
    let mut fits = |problem: &Problem, context: &[Message]| match model
        .prompt_tokens(&templates, problem, context)
    {
        Ok(tokens) => {
            longest = longest.max(tokens);
            Ok(())
        }
        Err(error) => {
            let said = format!("{error:#}");
            unreadable.get_or_insert(error);
            Err(said)
        }
    };
    let mut read = || plan.sets.iter().map(|set| set.load(plan.k, &mut fits)).collect();
    let sets: Result<Vec<Set>> = tokio::task::block_in_place(&mut read);
    match unreadable {
        Some(error) => Err(error),
        None => Ok((sets?, longest)),
    }
}

impl Plan {
    fn check(&self) -> Result<()> {
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
    fn settings(&self, max_tokens: usize) -> Value {
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
        settings
    }

    /// The model, downloaded if it lies on the hub; only its words where servers have it already.
    fn model(&self) -> Result<Model> {
        let parts = match self.weights {
            Weights::Folder(_) => Parts::Whole,
            Weights::Served { .. } => Parts::Description,
        };
        let (path, now) = (self.weights.description(), retrial_text::now());
        tokio::task::block_in_place(|| Model::load(path, parts, &self.prompts, now))
    }

    fn seed(&self) -> Seed {
        Seed(self.seed).of_text("eval")
    }
}

/// The evaluation of this name, made if there is none.
async fn find(store: &Store, plan: &Plan, source: &str, settings: &Value) -> Result<EvalId> {
    let (name, weights) = (&plan.name, plan.weights.shown(source));
    let Some(logged) = store.eval_by_name(name).await? else {
        let eval = NewEval { name, weights: &weights, settings, of: None };
        return Ok(store.create_eval(&eval).await?);
    };
    let differs = if logged.weights == weights {
        difference(&logged.settings, settings)
    } else {
        format!("weights: {} -> {weights}", logged.weights)
    };
    if !differs.is_empty() {
        bail!(
            "the log has an evaluation `{name}` that was made otherwise: {differs}\n\
             hint: undo the change, or choose another name by --name"
        );
    }
    Ok(logged.id)
}

/// Opens a log that is there.
pub async fn existing(path: &Path) -> Result<Store> {
    if !path.is_file() {
        bail!(
            "there is no log {}\nhint: `retrial eval` makes one; --db names another",
            path.display()
        );
    }
    Ok(Store::open(path).await?)
}
