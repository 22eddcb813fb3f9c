//! The processes that a run starts for itself: the embedded policy server and the trainer.
//!
//! A child lives as long as its handle. Its standard input is a pipe that it watches, so that it
//! also ends when this process is killed outright. One that dies is started again on the same
//! address: both know from the disk, or are told, where they stand.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use retrial_protocol::Target;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, ServerConfig};
use crate::failure::Failure;

const START_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a child that gave up may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// Exit code of a child that was given something wrong.
const REFUSED: i32 = 2;
/// Lines of a child's log that are shown when it does not start.
const LOG_LINES: usize = 12;
/// How often one service is started again before the run gives up.
const MAX_RESTARTS: u32 = 10;
/// How often a start is tried that somebody ends.
const MAX_STARTS: u32 = 3;

/// A child process that serves HTTP.
pub struct Service {
    program: Program,
    url: String,
    child: Mutex<Running>,
    /// Held while it is started again: how often it has been.
    restarts: tokio::sync::Mutex<u32>,
}

/// How a service is started.
struct Program {
    name: &'static str,
    arguments: Vec<OsString>,
    /// Where its standard error goes.
    log: PathBuf,
}

/// A process, watched by a task of its own.
struct Running {
    /// How it ended, once it has.
    ended: watch::Receiver<Option<String>>,
    // Dropping the task drops the child, and that kills it.
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Deserialize)]
struct Ready {
    listening: String,
}

impl Service {
    /// The embedded policy server, on the model the run begins with.
    pub async fn policy(config: &Config) -> Result<Self, Failure> {
        let log = config.weights().join("policy.log");
        Self::serving(&config.model.path, &config.server, log).await
    }

    /// The embedded policy server on any model; its log goes to a file.
    pub async fn serving(
        model: &Path,
        server: &ServerConfig,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let sequences = server.max_sequences.to_string();
        let arguments = vec![
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
        Self::start(Program { name: "retrial-policy", arguments, log }, &[]).await
    }

    /// The trainer, on the run's folder of weights. The first process may be told to crash.
    pub async fn trainer(config: &Config, crash_at: Option<&str>) -> Result<Self, Failure> {
        let mut arguments = vec![
            "serve".into(),
            "--model".into(),
            config.model.path.clone().into(),
            "--versions".into(),
            config.weights().into(),
            "--keep".into(),
            config.run.keep.to_string().into(),
            "--device".into(),
            config.trainer.device.clone().into(),
            "--precision".into(),
            config.trainer.precision.as_str().into(),
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
        let program = Program { name: "retrial-trainer", arguments, log };
        match crash_at {
            Some(point) => Self::start(program, &["--crash-at", point]).await,
            None => Self::start(program, &[]).await,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the process has ended.
    pub async fn ended(&self) {
        let mut ended = self.running().ended.clone();
        // The watching task ends only after it has said so, or with this service.
        let _ = ended.wait_for(Option::is_some).await;
    }

    /// Starts the process again if it has ended; says whether it had.
    pub async fn revive(&self) -> Result<bool> {
        let mut restarts = self.restarts.lock().await;
        let Some(end) = self.running().ended.borrow().clone() else { return Ok(false) };
        let (name, log) = (self.program.name, self.program.log.display());
        if *restarts == MAX_RESTARTS {
            bail!("{name} has ended {MAX_RESTARTS} times and once more ({end}); its log is {log}");
        }
        *restarts += 1;
        tracing::warn!("{name} has ended ({end}); it is started again, its log is {log}");
        let port = self.url.rsplit(':').next().unwrap_or_default();
        let (running, _) = match self.program.spawn(port, &[]).await {
            Ok(started) => started,
            Err(failure) => return Err(failure.into_error()),
        };
        *self.running() = running;
        Ok(true)
    }

    async fn start(program: Program, extra: &[&str]) -> Result<Self, Failure> {
        let _ = std::fs::remove_file(&program.log);
        let (running, url) = program.spawn("0", extra).await?;
        tracing::info!(%url, "{} is ready", program.name);
        Ok(Self { program, url, child: Mutex::new(running), restarts: tokio::sync::Mutex::new(0) })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a process does not serve.
enum NoStart {
    /// It gave up, or could not be started at all.
    Failed(Failure),
    /// It was ended from outside.
    Ended(ExitStatus),
}

impl<E: Into<Failure>> From<E> for NoStart {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Program {
    /// Starts the process on a port and waits until it serves. Returns its address.
    async fn spawn(&self, port: &str, extra: &[&str]) -> Result<(Running, String), Failure> {
        let name = self.name;
        for _ in 0..MAX_STARTS {
            match self.spawn_once(port, extra).await {
                Ok(started) => return Ok(started),
                Err(NoStart::Failed(failure)) => return Err(failure),
                Err(NoStart::Ended(end)) => {
                    tracing::warn!("{name} has ended while it started ({end}); it is tried again");
                }
            }
        }
        let log = self.log.display();
        Err(Failure::Work(anyhow!(
            "{name} was ended {MAX_STARTS} times while it started\n\
             hint: see {log}, and whether memory runs out"
        )))
    }

    async fn spawn_once(&self, port: &str, extra: &[&str]) -> Result<(Running, String), NoStart> {
        let Self { name, arguments, log } = self;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        let mut child = command(name)?
            .args(arguments)
            .args(extra)
            .args(["--port", port, "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            // Ctrl-C at a terminal is for the run, which ends them when it is done with them.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take().context("the child's standard output is a pipe")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = tokio::time::timeout(START_TIMEOUT, reader.read_line(&mut line));
        let ready = match read.await {
            Ok(Ok(_)) => serde_json::from_str::<Ready>(&line).ok(),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(Ready { listening: url }) = ready else {
            let (path, end) = (log.display(), tail(log));
            let error = anyhow!("{name} did not start; the end of {path} says:\n{end}");
            // Standard output is closed: it has ended, or is about to.
            return Err(match tokio::time::timeout(END_TIMEOUT, child.wait()).await {
                Ok(Ok(status)) => match status.code() {
                    Some(REFUSED) => Failure::Input(error).into(),
                    // By a signal, or because of one.
                    None | Some(0) => NoStart::Ended(status),
                    Some(_) => Failure::Work(error).into(),
                },
                Ok(Err(_)) | Err(_) => Failure::Work(error).into(),
            });
        };
        Ok((watch_over(child), url))
    }
}

fn watch_over(mut child: Child) -> Running {
    let (says, ended) = watch::channel(None);
    let task = tokio::spawn(async move {
        // It watches its standard input: waiting for it must not close that.
        let stdin = child.stdin.take();
        let end = match child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        drop(stdin);
        says.send_replace(Some(end));
    });
    Running { ended, task }
}

/// The program beside this one, or on the path.
fn command(name: &str) -> Result<Command> {
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    let beside: PathBuf = this.with_file_name(name);
    Ok(Command::new(if beside.exists() { beside } else { name.into() }))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
