//! Finds what would stop a run before it begins: inputs, memory, log, disk, servers, trainer, and
//! whether servers and trainer agree on log-probabilities. Nothing is written, nothing is pushed.

mod disk;
mod lengths;
mod memory;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lengths::Lengths;
use retrial_config::Config;
use retrial_data::Task;
use retrial_loop::agreement;
use retrial_loop::inputs::Inputs;
use retrial_loop::open_files;
use retrial_loop::services::{Service, connect};
use retrial_loop::trainer::Trainer;
use retrial_protocol::ServerKind;
use retrial_protocol::memory::Shape;
use retrial_servers::{Capabilities, probe};
use retrial_store::Store;
use serde::Serialize;

/// How a part of a configuration was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A run can use it.
    Ok,
    /// A run can use it; somebody should know.
    Warning,
    /// A run would stop at it.
    Problem,
}

/// What was found of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part.
    pub subject: &'static str,
    /// How it is.
    pub state: State,
    /// What there is to say, in one or more lines.
    pub text: String,
}

impl Finding {
    fn new(subject: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { subject, state, text: text.into() }
    }

    fn problem(subject: &'static str, error: &dyn std::fmt::Display) -> Self {
        Self::new(subject, State::Problem, format!("{error:#}"))
    }
}

/// Looks at everything that a run with this configuration needs.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let inputs = match Inputs::load(config) {
        Ok(inputs) => {
            findings.extend(data(config, &inputs));
            Some(inputs)
        }
        Err(error) => {
            findings.push(Finding::problem("inputs", &error));
            None
        }
    };
    findings.push(log(config).await);
    findings.push(open_files(config));
    match shape(&config.model.path) {
        Ok(shape) => {
            if let Some(inputs) = inputs.as_ref().filter(|_| config.trainer.url.is_none()) {
                let prompt = longest_prompt(inputs);
                findings.push(memory::memory(config, &shape, prompt));
            }
            findings.push(disk::disk(config, &shape));
        }
        Err(error) => findings.push(Finding::problem("model", &error)),
    }
    findings.extend(services(config, inputs.as_ref()).await);
    findings
}

fn data(config: &Config, inputs: &Inputs) -> Vec<Finding> {
    let (tokens, context) = (config.rollout.max_tokens, inputs.context);
    let prompts =
        |tasks: &[Arc<Task>]| Lengths::of(tasks.iter().map(|task| prompt_tokens(inputs, task)));
    let model = format!(
        "{}: context of {context} tokens, responses of at most {tokens}",
        config.model.path.display()
    );
    let train = format!("{} problems to train on; {}", inputs.train.len(), prompts(&inputs.train));
    let mut findings = vec![
        Finding::new("model", State::Ok, model),
        Finding::new("training data", State::Ok, train),
    ];
    for set in &inputs.heldout {
        let (name, tasks) = (set.name(), &set.tasks);
        let known = |task: &&Arc<Task>| {
            inputs.train.iter().any(|trained| trained.problem.text == task.problem.text)
        };
        let shared = tasks.iter().filter(known).count();
        let (count, lengths) = (tasks.len(), prompts(tasks));
        findings.push(if shared == 0 {
            let text = format!("`{name}`: {count} problems; {lengths}");
            Finding::new("held-out data", State::Ok, text)
        } else {
            let text = format!("`{name}`: {shared} of {count} problems are trained on, too");
            Finding::new("held-out data", State::Warning, text)
        });
    }
    findings
}

/// Tokens of the longest of the prompts.
fn longest_prompt(inputs: &Inputs) -> usize {
    inputs.train.iter().map(|task| prompt_tokens(inputs, task)).max().unwrap_or(0)
}

fn prompt_tokens(inputs: &Inputs, task: &Task) -> usize {
    inputs.prompts.plain(&task.problem).map_or(0, |prompt| prompt.ids.len())
}

fn open_files(config: &Config) -> Finding {
    const SUBJECT: &str = "open files";
    let requests = config.server.requests();
    match open_files::allow(requests) {
        Ok(()) => {
            Finding::new(SUBJECT, State::Ok, format!("enough for {requests} requests at once"))
        }
        Err(error) => Finding::problem(SUBJECT, &error),
    }
}

async fn log(config: &Config) -> Finding {
    const SUBJECT: &str = "log";
    let (path, name) = (config.run.database.display(), &config.run.name);
    if !config.run.database.exists() {
        return Finding::new(SUBJECT, State::Ok, format!("{path} will be made"));
    }
    let found = async {
        let store = Store::open(&config.run.database).await?;
        let Some(run) = store.run_by_name(name).await? else { return anyhow::Ok(None) };
        Ok(Some(store.last_committed_step(run.id).await?.map_or(0, |step| step.0)))
    };
    match found.await {
        Ok(None) => Finding::new(SUBJECT, State::Ok, format!("{path} has no run `{name}` yet")),
        Ok(Some(step)) => {
            let text = format!(
                "{path} has run `{name}` at step {step} of {}\n\
                 hint: go on with it by --resume, or choose another name by --set run.name=...",
                config.run.steps
            );
            Finding::new(SUBJECT, State::Warning, text)
        }
        Err(error) => Finding::problem(SUBJECT, &error),
    }
}

/// The sizes of the model.
fn shape(model: &Path) -> Result<Shape> {
    let path = model.join("config.json");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("cannot use {}", path.display()))
}

async fn services(config: &Config, inputs: Option<&Inputs>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A folder of its own for the trainer that is started to be asked: the run's stays as it is.
    let scratch = match tempfile::tempdir() {
        Ok(scratch) => scratch,
        Err(error) => return vec![Finding::problem("temporary folder", &error)],
    };
    let mut apart = config.clone();
    apart.run.folder = scratch.path().to_owned();
    if let Err(error) = std::fs::create_dir_all(apart.weights()) {
        return vec![Finding::problem("temporary folder", &error)];
    }

    let trainer = trainer(&apart, &mut findings).await;
    let log = apart.weights().join("policy.log");
    let (_embedded, urls) = match connect::policy(&apart.server, &apart.model.path, log).await {
        Ok(started) => started,
        Err(failure) => {
            findings.push(Finding::problem("server", &failure.into_error()));
            return findings;
        }
    };
    for url in urls {
        let found = match probe(&url, &config.server.model).await {
            Ok(found) => found,
            Err(error) => {
                findings.push(Finding::problem("server", &error));
                continue;
            }
        };
        findings.push(capabilities(&found));
        if let (Some((_, trainer)), Some(inputs)) = (&trainer, inputs) {
            findings.push(agree(config, inputs, &found, trainer).await);
        }
    }
    findings
}

/// The trainer, started unless the configuration names one.
async fn trainer(
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Option<(Option<Service>, Trainer)> {
    const SUBJECT: &str = "trainer";
    let (process, trainer) = match connect::trainer(config, None).await {
        Ok(started) => started,
        Err(failure) => {
            findings.push(Finding::problem(SUBJECT, &failure.into_error()));
            return None;
        }
    };
    match trainer.state().await {
        Ok(state) => {
            let ranks = config.trainer.ranks;
            let whose = match process {
                None => config.trainer.url.clone().unwrap_or_default(),
                Some(_) if ranks == 1 => "started by the run".to_owned(),
                Some(_) => format!("started by the run, {ranks} ranks"),
            };
            let text = format!("{whose}: at version {}", state.version);
            findings.push(Finding::new(SUBJECT, State::Ok, text));
            Some((process, trainer))
        }
        Err(error) => {
            findings.push(Finding::problem(SUBJECT, &error));
            None
        }
    }
}

fn capabilities(found: &Capabilities) -> Finding {
    const SUBJECT: &str = "server";
    if found.control.is_some() {
        return Finding::new(SUBJECT, State::Ok, found.to_string());
    }
    let hint = "hint: start vLLM with VLLM_SERVER_DEV_MODE=1, as docs/servers.md says";
    let text = format!("{found}: it cannot be given weights\n{hint}");
    Finding::new(SUBJECT, State::Problem, text)
}

/// Compares log-probabilities of a few sampled tokens. A server may hold other weights until the
/// run pushes the trainer's: that is no problem.
async fn agree(
    config: &Config,
    inputs: &Inputs,
    found: &Capabilities,
    trainer: &Trainer,
) -> Finding {
    const SUBJECT: &str = "log-probs";
    let timeout = Duration::from_secs(config.server.timeout_seconds);
    let compared = async {
        let server = found.connect(&config.server.model, timeout)?;
        let ids = inputs.prompts.plain(&inputs.train[0].problem)?.ids;
        anyhow::Ok(agreement::compare(server.as_ref(), None, trainer, &ids, config).await)
    };
    match compared.await {
        Ok(Ok(largest)) => {
            let text = format!("{}: the trainer's within {largest:.1e} nats", found.url);
            Finding::new(SUBJECT, State::Ok, text)
        }
        Ok(Err(agreement::AgreementError::Disagreement(error))) => {
            let text = format!("{error}; it may serve another model until the run pushes its own");
            // The embedded server is started on the very same folder.
            let certain = config.server.urls.is_empty() && found.control == Some(ServerKind::Vllm);
            Finding::new(SUBJECT, if certain { State::Problem } else { State::Warning }, text)
        }
        Ok(Err(error)) => Finding::problem(SUBJECT, &error),
        Err(error) => Finding::problem(SUBJECT, &error),
    }
}
