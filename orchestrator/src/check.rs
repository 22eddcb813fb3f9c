//! Finds what would stop a run before it starts: inputs, memory, log, disk, servers, trainer, whether
//! servers and trainer agree on log-probabilities, and what the policy answers. Nothing is written,
//! nothing is pushed.

mod data;
mod disk;
mod finding;
mod lengths;
mod memory;
mod samples;

pub use finding::{Finding, State};

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use retrial_config::Config;
use retrial_loop::agreement;
use retrial_loop::inputs::Inputs;
use retrial_loop::open_files;
use retrial_loop::services::{Service, connect};
use retrial_loop::trainer::Trainer;
use retrial_protocol::ServerKind;
use retrial_protocol::memory::Shape;
use retrial_servers::Capabilities;
use retrial_store::Store;
use tokio::task::block_in_place;

/// Whether a check samples a few responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// It does.
    Few,
    /// It does not.
    None,
}

/// Checks everything that a run with this configuration needs.
pub async fn check(mut config: Config, sampling: Sampling) -> Vec<Finding> {
    let mut findings = Vec::new();
    let inputs = match block_in_place(|| Inputs::load(&mut config, retrial_text::now())) {
        Ok(inputs) => {
            findings.extend(data::data(&config, &inputs));
            Some(inputs)
        }
        Err(error) => {
            findings.push(Finding::problem("inputs", &error));
            None
        }
    };
    let config = &config;
    findings.push(log(config).await);
    findings.push(open_files(config));
    let folder = inputs.as_ref().map(|inputs| inputs.folder.clone());
    let folder = folder.unwrap_or_else(|| PathBuf::from(&config.model.path.0));
    match shape(&folder) {
        Ok(shape) => {
            if let Some(inputs) = inputs.as_ref().filter(|_| config.trainer.url.is_none()) {
                let prompt = longest_prompt(inputs);
                findings.push(memory::memory(config, &shape, prompt));
            }
            findings.push(disk::disk(config, &shape));
        }
        Err(error) => findings.push(Finding::problem("model", &error)),
    }
    findings.extend(services(config, &folder, inputs.as_ref(), sampling).await);
    findings
}

/// Tokens of the longest prompt.
fn longest_prompt(inputs: &Inputs) -> usize {
    data::prompt_tokens(&inputs.prompts, &inputs.train).max().unwrap_or(0)
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
        return Finding::new(SUBJECT, State::Ok, format!("{path} will be created"));
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
                 hint: continue it with --resume, or choose another name by --set run.name=...",
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

async fn services(
    config: &Config,
    model: &Path,
    inputs: Option<&Inputs>,
    sampling: Sampling,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A temporary folder for the trainer that is started for the check: the run's folder is not changed.
    let scratch = match tempfile::tempdir() {
        Ok(scratch) => scratch,
        Err(error) => return vec![Finding::problem("temporary folder", &error)],
    };
    let mut apart = config.clone();
    apart.run.folder = scratch.path().to_owned();
    if let Err(error) = std::fs::create_dir_all(apart.weights()) {
        return vec![Finding::problem("temporary folder", &error)];
    }

    let trainer = trainer(&apart, model, &mut findings).await;
    let log = apart.weights().join("policy.log");
    let longest = inputs.map(|inputs| inputs.longest_sequence(config));
    let (_embedded, urls) = match connect::policy(&apart.server, model, longest, log).await {
        Ok(started) => started,
        Err(failure) => {
            findings.push(Finding::problem("server", &failure.into_error()));
            return findings;
        }
    };
    for url in &urls {
        let fleet = match connect::fleet(&config.server, std::slice::from_ref(url)).await {
            Ok(fleet) => fleet,
            Err(error) => {
                findings.push(Finding::problem("server", &error));
                continue;
            }
        };
        // Behind a router, weights are pushed to the workers.
        let taking = if fleet.workers.is_empty() { &fleet.found } else { &fleet.workers };
        findings.extend(taking.iter().map(capabilities));
        if let (Some((_, trainer)), Some(inputs)) = (&trainer, inputs) {
            for found in &fleet.found {
                findings.push(agree(config, inputs, found, trainer).await);
            }
        }
        if let (Some(inputs), Sampling::Few) = (inputs, sampling) {
            for found in &fleet.found {
                findings.push(samples::samples(config, inputs, found).await);
            }
        }
    }
    findings
}

/// The trainer, started unless the configuration names one.
async fn trainer(
    config: &Config,
    model: &Path,
    findings: &mut Vec<Finding>,
) -> Option<(Option<Service>, Trainer)> {
    const SUBJECT: &str = "trainer";
    let (process, trainer) = match connect::trainer(config, model, None).await {
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
    let text = format!("{found}: it cannot load weights\n{hint}");
    Finding::new(SUBJECT, State::Problem, text)
}

/// Compares log-probabilities of a few sampled tokens. A server may have other weights until the
/// run pushes the trainer's: that is not a problem.
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
        let ids = inputs.prompts.plain(&inputs.train.task(0))?.ids;
        anyhow::Ok(agreement::compare(server.as_ref(), None, trainer, &ids, config).await)
    };
    match compared.await {
        Ok(Ok(mean)) => {
            let text = format!("{}: the trainer's within {mean:.1e} nats in the mean", found.url);
            Finding::new(SUBJECT, State::Ok, text)
        }
        Ok(Err(agreement::AgreementError::Disagreement(error))) => {
            let text = format!("{error}; it may serve another model until the run pushes its own");
            // The embedded server is started with the same folder.
            let certain = config.server.urls.is_empty() && found.control == Some(ServerKind::Vllm);
            Finding::new(SUBJECT, if certain { State::Problem } else { State::Warning }, text)
        }
        Ok(Err(error)) => Finding::problem(SUBJECT, &error),
        Err(error) => Finding::problem(SUBJECT, &error),
    }
}
