//! A service over HTTP, in one or several child processes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use retrial_config::{Config, ServerConfig};
use retrial_protocol::Target;

use super::processes::{ProcessWatch, Processes};
use super::program::Program;
use crate::failure::Failure;

/// How often a service is restarted before the run gives up.
const MAX_RESTARTS: u32 = 10;

/// A service over HTTP, in one or several child processes.
pub struct Service {
    program: Program,
    url: String,
    processes: Mutex<Processes>,
    /// Locked during a restart: the number of restarts.
    restarts: tokio::sync::Mutex<u32>,
}

impl Service {
    /// The embedded policy server on a model, for sequences of `longest` tokens if that is known; its
    /// log goes to a file.
    pub async fn policy(
        model: &Path,
        server: &ServerConfig,
        longest: Option<usize>,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let sequences = server.max_sequences.to_string();
        let mut arguments: Vec<OsString> = vec![
            "--model".into(),
            model.into(),
            "--served-model-name".into(),
            server.model.clone().into(),
            "--max-num-seqs".into(),
            sequences.into(),
            // The trainer divides the logits by the temperature too.
            "--logprobs-mode".into(),
            "processed_logprobs".into(),
        ];
        if let Some(threads) = server.threads {
            arguments.extend(["--threads".into(), threads.to_string().into()]);
        }
        if let Some(longest) = longest {
            arguments.extend(["--max-model-len".into(), longest.to_string().into()]);
        }
        let program = Program {
            name: "retrial-policy",
            arguments,
            log,
            ranks: 1,
            start: Duration::from_secs(server.start_seconds),
            start_key: "[server] start_seconds",
        };
        Self::start(program, &[]).await
    }

    /// The trainer, on the run's folder of weights. Its last rank may be told to crash, the first time.
    pub async fn trainer(
        config: &Config,
        model: &Path,
        crash_at: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut arguments = vec![
            "serve".into(),
            "--model".into(),
            model.into(),
            "--versions".into(),
            config.weights().into(),
            "--keep".into(),
            config.run.keep.to_string().into(),
            "--device".into(),
            config.trainer.device.clone().into(),
            "--precision".into(),
            config.trainer.precision.as_str().into(),
            "--rank-timeout".into(),
            config.trainer.rank_timeout_seconds.to_string().into(),
            "--threads".into(),
            config.trainer.threads.to_string().into(),
        ];
        if config.trainer.recompute {
            arguments.push("--recompute".into());
        }
        if let Some(lora) = &config.trainer.lora {
            let targets: Vec<&str> = lora.targets().map(Target::name).collect();
            arguments.extend(
                [
                    ("--lora-rank", lora.rank.to_string()),
                    ("--lora-alpha", lora.alpha.to_string()),
                    ("--lora-targets", targets.join(",")),
                    ("--seed", config.run.seed.to_string()),
                ]
                .into_iter()
                .flat_map(|(name, value)| [name.into(), OsString::from(value)]),
            );
        }
        let log = config.weights().join("trainer.log");
        let ranks = config.trainer.ranks;
        let program = Program {
            name: "retrial-trainer",
            arguments,
            log,
            ranks,
            start: Duration::from_secs(config.trainer.start_seconds),
            start_key: "[trainer] start_seconds",
        };
        match crash_at {
            Some(point) => Self::start(program, &["--crash-at", point]).await,
            None => Self::start(program, &[]).await,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until a process of it has ended.
    pub async fn ended(&self) {
        self.watch().broken().await;
    }

    /// Restarts it if a process of it has ended, once all have; returns whether one had.
    pub async fn restart_if_ended(&self) -> Result<bool> {
        let mut restarts = self.restarts.lock().await;
        let mut watch = self.watch();
        if !watch.is_broken() {
            return Ok(false);
        }
        let cause = watch.ended().await.context("the service was dropped")?;
        let (name, how) = (self.program.name, self.program.how(&cause));
        let log = self.program.log_of(cause.rank);
        let log = log.display();
        if *restarts == MAX_RESTARTS {
            let hint = self.program.hint();
            bail!(
                "{name} crashed {} times, the last time: {how}\n\
                 hint: see {log}{hint}",
                MAX_RESTARTS + 1
            );
        }
        *restarts += 1;
        tracing::warn!("{name} crashed ({how}); restarting it, its log is {log}");
        let port = self.url.rsplit(':').next().unwrap_or_default();
        let (processes, _) = match self.program.spawn(port, &[]).await {
            Ok(started) => started,
            Err(failure) => return Err(failure.into_error()),
        };
        *self.processes() = processes;
        Ok(true)
    }

    async fn start(program: Program, extra: &[&str]) -> Result<Self, Failure> {
        for rank in 0..program.ranks {
            let _ = std::fs::remove_file(program.log_of(rank));
        }
        let (processes, url) = program.spawn("0", extra).await?;
        tracing::info!(%url, ranks = program.ranks, "{} is ready", program.name);
        let (processes, restarts) = (Mutex::new(processes), tokio::sync::Mutex::new(0));
        Ok(Self { program, url, processes, restarts })
    }

    fn watch(&self) -> ProcessWatch {
        self.processes().watch()
    }

    fn processes(&self) -> std::sync::MutexGuard<'_, Processes> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
