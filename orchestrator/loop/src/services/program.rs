//! How the processes of a service are started, and seen to serve.

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

const START_TIMEOUT: Duration = Duration::from_mins(2);
/// How long children that gave up may take to end, those that have to be killed included.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// Exit code of a child that was given something wrong.
const REFUSED: i32 = 2;
/// Lines of a child's log that are shown when it does not start.
const LOG_LINES: usize = 12;
/// How often a start is tried that somebody ends.
const MAX_STARTS: u32 = 3;

/// How a service is started.
pub struct Program {
    /// The binary.
    pub name: &'static str,
    /// What it is told, the port left out.
    pub arguments: Vec<OsString>,
    /// Where the standard error of rank 0 goes; those of other ranks go beside it.
    pub log: PathBuf,
    /// How many processes it is. Rank 0 serves.
    pub ranks: usize,
}

/// Why a process does not serve.
enum NoStart {
    /// It gave up, or could not be started at all.
    Failed(Failure),
    /// It was ended from outside.
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
    /// Starts the processes with rank 0 on a port and waits until it serves. Returns its address.
    /// The last rank gets more arguments.
    pub async fn spawn(&self, port: &str, extra: &[&str]) -> Result<(Processes, String), Failure> {
        let name = self.name;
        let mut last = String::new();
        for _ in 0..MAX_STARTS {
            match self.spawn_once(port, extra).await {
                Ok(started) => return Ok(started),
                Err(NoStart::Failed(failure)) => return Err(failure),
                Err(NoStart::Ended(end)) => {
                    tracing::warn!("{name} has ended while it started ({end}); it is tried again");
                    last = end;
                }
            }
        }
        let (log, fewer) = (self.log.display(), self.hint());
        Err(Failure::Work(anyhow!(
            "{name} was ended {MAX_STARTS} times while it started (at last {last})\n\
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

    /// How it ended, and because of which rank if there are several.
    pub fn how(&self, Cause { rank, end }: &Cause) -> String {
        match self.ranks {
            1 => end.to_string(),
            ranks => format!("rank {rank} of {ranks}: {end}"),
        }
    }

    /// What else can be done about ranks that keep ending.
    pub fn hint(&self) -> &'static str {
        if self.ranks == 1 {
            return "";
        }
        "; a run may go on at another number of ranks, by --resume --set trainer.ranks=N"
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
            ready = timeout(START_TIMEOUT, ready(stdout)) => ready.ok().flatten(),
            () = watch.broken() => None,
        };
        if let Some(Ready { listening: url }) = ready {
            return Ok((processes, url));
        }
        // Standard output is closed, or a rank is gone: all have ended, or are about to.
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
            // What a launcher has put there is for this process.
            .env("WORLD_SIZE", self.ranks.to_string())
            .envs([("RANK", &number), ("LOCAL_RANK", &number)])
            .envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &meeting.to_string())])
            .env_remove("TORCHELASTIC_USE_AGENT_STORE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            // Ctrl-C at a terminal is for the run, which ends them when it is done with them.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))
    }
}

/// What a service says when it serves; nothing if it ends first.
async fn ready(stdout: ChildStdout) -> Option<Ready> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

/// A port where ranks meet, of those that no system gives to whoever asks for any: a rank that knocks
/// before rank 0 is there would otherwise be connected to itself.
fn meeting() -> Result<u16> {
    const PORTS: std::ops::Range<u16> = 20_000..30_000;
    // Its hashes are random.
    let random = RandomState::new();
    let draw = |attempt| PORTS.start + (random.hash_one(attempt) % PORTS.len() as u64) as u16;
    let mut drawn = (0..PORTS.len()).map(draw);
    let free = drawn.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    free.with_context(|| format!("no port of {PORTS:?} is free for ranks to meet at"))
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
