//! One program: starts it, writes to it, reads from it, and kills it together with its children.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use retrial_domain::CommandSettings;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::last_words::LastWords;
use crate::error::OpenError;

/// Submissions that a program may have open: enough to keep it busy.
pub(super) const OPEN_LINES: usize = 32;

/// Time for a program to exit after it closed its output.
const EXIT: Duration = Duration::from_secs(1);
/// Limit on the length of a line, bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// Characters of a line of standard error that are logged.
const LOGGED: usize = 500;
/// Lines of standard error per program start that are logged as warnings.
const WARNINGS: usize = 20;

/// A running program.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Group,
    input: mpsc::UnboundedSender<Arc<str>>,
    lines: mpsc::Receiver<Vec<u8>>,
    last_words: LastWords,
    /// Ends when its standard error does.
    logged: JoinHandle<()>,
}

impl Process {
    /// Starts a program.
    pub(super) fn start(settings: &CommandSettings, worker: usize) -> Result<Self, OpenError> {
        let (program, arguments) = settings.command.split_first().expect("it was checked");
        let folder = match settings.folder.as_path() {
            none if none.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        // A program with a slash in its name is relative to the folder.
        let path = if program.contains('/') {
            std::path::absolute(folder.join(program)).unwrap_or_else(|_| program.into())
        } else {
            program.into()
        };
        let mut child = Command::new(path)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                OpenError::new(format!(
                    "the verifier `{}` cannot be started in {}: {error}\n\
                     hint: [reward] command is a program and its arguments; a relative path starts at \
                     [reward] folder, by default the folder of the configuration",
                    settings.command.join(" "),
                    folder.display()
                ))
            })?;
        let (input, to_write) = mpsc::unbounded_channel();
        let (read, lines) = mpsc::channel(OPEN_LINES);
        let last_words = LastWords::default();
        tokio::spawn(write(child.stdin.take().expect("it is a pipe"), to_write));
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        tokio::spawn(async move {
            let mut output = output;
            while let Some(line) = line(&mut output).await {
                if read.send(line).await.is_err() {
                    break;
                }
            }
        });
        let errors = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let logged = tokio::spawn(log(errors, worker, last_words.clone()));
        let group = Group::of(&child);
        Ok(Self { child, group, input, lines, last_words, logged })
    }

    /// Sends a line. A program that does not read it runs into the time limit.
    pub(super) fn send(&self, line: Arc<str>) {
        drop(self.input.send(line));
    }

    /// The next line of its output; none after the end.
    pub(super) async fn line(&mut self) -> Option<Vec<u8>> {
        self.lines.recv().await
    }

    /// Kills it and its children. A program that has closed its output (`is_ending`) first gets
    /// time to exit.
    pub(super) async fn end(mut self, is_ending: bool) -> Ending {
        let grace = if is_ending { EXIT } else { Duration::ZERO };
        let status = timeout(grace, self.child.wait()).await.ok().and_then(Result::ok);
        self.group.kill();
        drop(self.child.wait().await);
        // Standard error is closed now, so this ends soon.
        drop(timeout(EXIT, &mut self.logged).await);
        Ending { status, last_words: self.last_words.quoted() }
    }
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// Its exit status, unless it was killed here.
    pub(super) status: Option<ExitStatus>,
    /// Its last lines on standard error, as the end of a sentence.
    pub(super) last_words: String,
}

/// The process group of a program, killed on drop.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // This fails if the group is empty.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes the queued lines, many at once.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<Arc<str>>) {
    let mut some = Vec::new();
    let mut bytes = Vec::new();
    while lines.recv_many(&mut some, OPEN_LINES).await > 0 {
        bytes.clear();
        some.drain(..).for_each(|line| bytes.extend_from_slice(line.as_bytes()));
        if stdin.write_all(&bytes).await.is_err() {
            // The program closed its input. The worker sees its output end, or its time run out.
            break;
        }
    }
}

/// A line without its line end, or the first part of one that is too long.
async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let read = from.take(LONGEST_LINE).read_until(b'\n', &mut line).await;
    match read {
        Ok(0) | Err(_) => None,
        Ok(_) => {
            line.pop_if(|end| *end == b'\n');
            Some(line)
        }
    }
}

/// Copies a program's standard error to the log.
async fn log(mut errors: impl AsyncBufRead + Unpin, worker: usize, last_words: LastWords) {
    let mut logged = 0;
    while let Some(line) = line(&mut errors).await {
        let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(LOGGED).collect();
        if text.is_empty() {
            continue;
        }
        logged += 1;
        if logged <= WARNINGS {
            tracing::warn!(worker, "the verifier says: {text}");
        } else {
            tracing::debug!(worker, "the verifier says: {text}");
        }
        last_words.push(text);
    }
}
