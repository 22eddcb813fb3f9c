//! The processes that a run starts for itself: the embedded policy server and the trainer.
//!
//! A child lives as long as its handle. Its standard input is a pipe that it watches, so that it
//! also ends when this process is killed outright.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::config::Config;
use crate::failure::Failure;

const START_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a child that gave up may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// Exit code of a child that was given something wrong.
const REFUSED: i32 = 2;
/// Lines of a child's log that are shown when it does not start.
const LOG_LINES: usize = 12;

/// A child process that serves HTTP.
pub struct Service {
    // Dropping it ends the process.
    child: Mutex<Child>,
    name: String,
    url: String,
}

#[derive(Deserialize)]
struct Ready {
    listening: String,
}

impl Service {
    /// The embedded policy server, on the model the run begins with.
    pub async fn policy(config: &Config) -> Result<Self, Failure> {
        let mut command = command("retrial-policy")?;
        command.arg("--model").arg(&config.model.path);
        command.args(["--served-model-name", &config.server.model]);
        command.args(["--max-num-seqs", &config.server.max_sequences.to_string()]);
        // The trainer divides the logits by the temperature too.
        command.args(["--logprobs-mode", "processed_logprobs"]);
        Self::start(command, &config.weights().join("policy.log")).await
    }

    /// The trainer, on the run's folder of weights.
    pub async fn trainer(config: &Config, crash_at: Option<&str>) -> Result<Self, Failure> {
        let mut command = command("retrial-trainer")?;
        command.arg("serve");
        command.arg("--model").arg(&config.model.path);
        command.arg("--versions").arg(config.weights());
        command.args(["--keep", &config.run.keep.to_string()]);
        if let Some(point) = crash_at {
            command.args(["--crash-at", point]);
        }
        Self::start(command, &config.weights().join("trainer.log")).await
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How the process ended, if it has.
    pub fn ended(&self) -> Option<String> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let status = child.try_wait().ok()??;
        Some(format!("{} has ended ({status})", self.name))
    }

    async fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let program = Path::new(command.as_std().get_program());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = std::fs::File::create(log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        let mut child = command
            .args(["--port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
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
            let ended = tokio::time::timeout(END_TIMEOUT, child.wait()).await;
            let refused = matches!(ended, Ok(Ok(status)) if status.code() == Some(REFUSED));
            return Err(if refused { Failure::Input(error) } else { Failure::Work(error) });
        };
        tracing::info!(%url, "{name} is ready");
        Ok(Self { child: Mutex::new(child), name, url })
    }
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
