//! Starts the processes of a service, and waits until they serve.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::processes::{Cause, End, Processes};
use crate::failure::Failure;

/// Time for failed children to end, including those that must be killed.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// Exit code of a child with invalid arguments or input.
const REFUSED: i32 = 2;
/// Lines of a child's log to show if it does not start.
const LOG_LINES: usize = 12;
/// How often a start is retried that is killed from outside.
const MAX_STARTS: u32 = 3;

/// How to start a service.
pub struct Program {
    /// The binary.
    pub name: &'static str,
    /// Its arguments, without the port.
    pub arguments: Vec<OsString>,
    /// File for the standard error of rank 0; those of other ranks are beside it.
    pub log: PathBuf,
    /// Number of processes. Rank 0 serves.
    pub ranks: usize,
    /// Deadline until rank 0 serves.
    pub start: Duration,
    /// The key of that deadline in the configuration.
    pub start_key: &'static str,
}

/// Why a process does not serve.
enum NoStart {
    /// It failed, or could not be started.
    Failed(Failure),
    /// It was killed from outside.
    Ended(String),
}

impl<E: Into<Failure>> From<E> for NoStart {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(Deserialize)]
struct Ready {
    listening: String,
}

impl Program {
    /// Starts the processes with rank 0 on a port and waits until it serves. Returns its URL.
    /// The last rank gets additional arguments.
    pub async fn spawn(&self, port: &str, extra: &[&str]) -> Result<(Processes, String), Failure> {
        let name = self.name;
        let mut last = String::new();
        for _ in 0..MAX_STARTS {
            match self.spawn_once(port, extra).await {
                Ok(started) => return Ok(started),
                Err(NoStart::Failed(failure)) => return Err(failure),
                Err(NoStart::Ended(end)) => {
                    tracing::warn!("{name} exited during start-up ({end}); trying again");
                    last = end;
                }
            }
        }
        let (log, fewer) = (self.log.display(), self.hint());
        Err(Failure::Work(anyhow!(
            "{name} was killed {MAX_STARTS} times during start-up (the last time: {last})\n\
             hint: see {log}, and whether memory runs out{fewer}"
        )))
    }

    /// The log of a rank.
    pub fn log_of(&self, rank: usize) -> PathBuf {
        match rank {
            0 => self.log.clone(),
            _ => self.log.with_extension(format!("{rank}.log")),
        }
    }

    /// How it ended, and which rank caused it if there are several.
    pub fn how(&self, Cause { rank, end }: &Cause) -> String {
        match self.ranks {
            1 => end.to_string(),
            ranks => format!("rank {rank} of {ranks}: {end}"),
        }
    }

    /// An additional hint for ranks that keep ending.
    pub fn hint(&self) -> &'static str {
        if self.ranks == 1 {
            return "";
        }
        "; a run may continue with another number of ranks: --resume --set trainer.ranks=N"
    }

    async fn spawn_once(&self, port: &str, extra: &[&str]) -> Result<(Processes, String), NoStart> {
        let meeting = meeting()?;
        let mut children = (0..self.ranks)
            .map(|rank| self.child(rank, port, meeting, extra))
            .collect::<Result<Vec<_>>>()?;
        let stdout = children[0].stdout.take().context("standard output is a pipe")?;
        let processes = Processes::of(children);
        let mut watch = processes.watch();
        let ready = tokio::select! {
            ready = timeout(self.start, ready(stdout)) => ready,
            () = watch.broken() => Ok(None),
        };
        match ready {
            Ok(Some(Ready { listening: url })) => return Ok((processes, url)),
            Err(_) => return Err(self.too_late().into()),
            Ok(None) => {}
        }
        // Standard output is closed, or a rank has ended: all have ended, or are about to.
        let cause = timeout(END_TIMEOUT, watch.ended()).await.ok().flatten();
        let log = self.log_of(cause.as_ref().map_or(0, |cause| cause.rank));
        let (name, path, end) = (self.name, log.display(), tail(&log));
        let error = anyhow!("{name} did not start; the end of {path} says:\n{end}");
        if let Some(cause @ Cause { end: End::Itself(status), .. }) = &cause {
            match status.code() {
                Some(REFUSED) => return Err(Failure::Input(error).into()),
                // By a signal, or because of one.
                None | Some(0) => return Err(NoStart::Ended(self.how(cause))),
                Some(_) => {}
            }
        }
        Err(Failure::Work(error).into())
    }

    /// It runs, but does not serve in time.
    fn too_late(&self) -> Failure {
        let Self { name, log, start, start_key, .. } = self;
        Failure::Work(anyhow!(
            "{name} did not serve within {} s; the end of {} says:\n{}\n\
             hint: it reads the model and the last version first; {start_key} allows more",
            start.as_secs(),
            log.display(),
            tail(log)
        ))
    }

    fn child(&self, rank: usize, port: &str, meeting: u16, extra: &[&str]) -> Result<Child> {
        let (name, log) = (self.name, self.log_of(rank));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        let extra = if rank + 1 == self.ranks { extra } else { &[] };
        let number = rank.to_string();
        command(name)?
            .args(&self.arguments)
            .args(extra)
            .args(["--port", port, "--exit-with-stdin"])
            // The launcher's variables are for this process, not for its children.
            .env("WORLD_SIZE", self.ranks.to_string())
            .envs([("RANK", &number), ("LOCAL_RANK", &number)])
            .envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &meeting.to_string())])
            .env_remove("TORCHELASTIC_USE_AGENT_STORE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            // Ctrl-C at a terminal is for the run, which then ends its children.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))
    }
}

/// The URL that a service prints when it serves; none if it ends first.
async fn ready(stdout: ChildStdout) -> Option<Ready> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

/// A port where ranks meet, outside the ephemeral range: a rank that connects
/// before rank 0 is there could otherwise connect to itself.
fn meeting() -> Result<u16> {
    const PORTS: std::ops::Range<u16> = 20_000..30_000;
    // Its hashes are random.
    let random = RandomState::new();
    let draw = |attempt| PORTS.start + (random.hash_one(attempt) % PORTS.len() as u64) as u16;
    let mut drawn = (0..PORTS.len()).map(draw);
    let free = drawn.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    free.with_context(|| format!("no port of {PORTS:?} is free for ranks to meet at"))
}

/// The program beside this one, or in PATH.
fn command(name: &str) -> Result<Command> {
    let this = std::env::current_exe().context("cannot find the path of this program")?;
    let beside: PathBuf = this.with_file_name(name);
    Ok(Command::new(if beside.exists() { beside } else { name.into() }))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
