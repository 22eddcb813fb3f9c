//! One program: started, written to, read from, and killed with all that it has started.

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

/// Lines that a program may have open: enough that it never waits for the next.
pub(super) const OPEN_LINES: usize = 32;

/// What a program that is ending may take for it.
const TO_END: Duration = Duration::from_secs(1);
/// Bytes of a line that are read.
const LONGEST_LINE: u64 = 1 << 20;
/// Characters of a line of standard error that are logged.
const LOGGED: usize = 500;
/// Lines of standard error that are logged as warnings, of each program that was started.
const WARNINGS: usize = 20;

/// A program that runs.
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
        // What has a slash in it lies in the folder, wherever that is seen from.
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
                     hint: [reward] command names a program and its arguments; a relative program \
                     lies in [reward] folder, which is the configuration's unless it is given",
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

    /// Sends a line. If the program does not read, that is seen by its silence.
    pub(super) fn send(&self, line: Arc<str>) {
        drop(self.input.send(line));
    }

    /// The next line that it writes; none once it has closed its output.
    pub(super) async fn line(&mut self) -> Option<Vec<u8>> {
        self.lines.recv().await
    }

    /// Ends it with all that it has started. One that has closed its output is ending, and is given the
    /// time for it.
    pub(super) async fn end(mut self, is_ending: bool) -> Ending {
        let grace = if is_ending { TO_END } else { Duration::ZERO };
        let status = timeout(grace, self.child.wait()).await.ok().and_then(Result::ok);
        self.group.kill();
        drop(self.child.wait().await);
        // Nobody is left to write to it.
        drop(timeout(TO_END, &mut self.logged).await);
        Ending { status, last_words: self.last_words.quoted() }
    }
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// Its status, if it has ended by itself.
    pub(super) status: Option<ExitStatus>,
    /// What it said last, as the end of a sentence.
    pub(super) last_words: String,
}

/// A process and whatever it has started, killed when it is dropped.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // It fails if there is nobody left.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes whatever there is to write, many lines at once.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<Arc<str>>) {
    let mut some = Vec::new();
    let mut bytes = Vec::new();
    while lines.recv_many(&mut some, OPEN_LINES).await > 0 {
        bytes.clear();
        some.drain(..).for_each(|line| bytes.extend_from_slice(line.as_bytes()));
        if stdin.write_all(&bytes).await.is_err() {
            // It reads no more: its output ends too, or its silence is noticed.
            break;
        }
    }
}

/// A line without its end, or the beginning of one that is too long.
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

/// Brings what a program says to its standard error to the log.
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
