//! The tracker's program and its queue.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Event;

/// Lines that wait for a program that is slow.
const QUEUE: usize = 10_000;
/// Lines of its log that are shown when it ends early.
const LOG_LINES: usize = 5;

/// The program could not be started.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot start the tracker `{program}`: {source}\n\
     hint: [track] command is a program and its arguments, for example [\"python3\", \"tracker.py\"]"
)]
pub struct StartError {
    program: String,
    source: io::Error,
}

/// A program that receives the events of a run.
#[derive(Debug)]
pub struct Tracker {
    /// None once the run has ended.
    lines: Mutex<Option<Sender<String>>>,
    missed: Arc<AtomicU64>,
    program: String,
    writer: JoinHandle<()>,
}

impl Tracker {
    /// Starts a program. What it writes to its standard output and standard error goes to the file
    /// `log`. When the run has ended it may take `grace` to end too.
    pub fn start(command: &[String], log: &Path, grace: Duration) -> Result<Self, StartError> {
        let program = command.join(" ");
        let failed = |source| StartError { program: program.clone(), source };
        let (name, arguments) = command.split_first().ok_or_else(|| {
            failed(io::Error::new(io::ErrorKind::InvalidInput, "there is no command"))
        })?;
        let output = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            // Ctrl-C at a terminal is for the run, which then ends the tracker in its own time.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take().expect("standard input is a pipe");
        let (lines, queue) = channel(QUEUE);
        let writer = Writer { program: program.clone(), log: log.into(), grace };
        let writer = tokio::spawn(writer.run(child, stdin, queue));
        Ok(Self { lines: Mutex::new(Some(lines)), missed: Arc::default(), program, writer })
    }

    /// Tells the program an event. Never waits.
    pub fn tell(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_string(event) else { return };
        line.push('\n');
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = lines.as_ref() else { return };
        // A program that has ended was spoken of already.
        if let Err(TrySendError::Full(_)) = lines.try_send(line)
            && self.missed.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::warn!(
                "the tracker `{}` is more than {QUEUE} lines behind and will miss some; the log has them",
                self.program
            );
        }
    }

    /// Tells the last event and waits until the program has ended, or its time is over.
    pub async fn end(self, last: &Event) {
        self.tell(last);
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Err(error) = self.writer.await {
            tracing::warn!("the tracker `{}`: waiting for it failed: {error}", self.program);
        }
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > 0 {
            tracing::warn!("the tracker `{}` has missed {missed} lines", self.program);
        }
    }
}

/// What writes to the program.
struct Writer {
    program: String,
    log: PathBuf,
    grace: Duration,
}

impl Writer {
    async fn run(self, mut child: Child, mut stdin: ChildStdin, mut queue: Receiver<String>) {
        loop {
            let line = tokio::select! {
                line = queue.recv() => line,
                status = child.wait() => return self.ended_early(status),
            };
            let Some(line) = line else { break };
            let written = tokio::select! {
                written = stdin.write_all(line.as_bytes()) => written,
                status = child.wait() => return self.ended_early(status),
            };
            if written.is_err() {
                // It has closed its standard input: it is ending.
                return self.ended_early(child.wait().await);
            }
        }
        drop(stdin);
        match timeout(self.grace, child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(status) => self.failed(status, "at the end of the run"),
            Err(_) => {
                let (program, seconds) = (&self.program, self.grace.as_secs());
                tracing::warn!(
                    "the tracker `{program}` was killed: it took more than {seconds} s to end\n\
                     hint: [track] end_seconds allows more"
                );
            }
        }
    }

    fn ended_early(&self, status: io::Result<ExitStatus>) {
        self.failed(status, "before the run did; the run goes on without it");
    }

    fn failed(&self, status: io::Result<ExitStatus>, when: &str) {
        let (program, log) = (&self.program, self.log.display());
        let how = match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            "the tracker `{program}` ended {when} ({how}); the end of {log} says:\n{}\n\
             hint: `retrial export metrics` has every number of the run",
            tail(&self.log)
        );
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
