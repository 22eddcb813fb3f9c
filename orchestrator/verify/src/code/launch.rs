//! One run of a program: its files, its process, its limits, and how it ended.

use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use retrial_domain::CodeSettings;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::error::OpenError;
use crate::sandbox::{Launcher, Limits};

/// Bytes of output that are read.
const MOST_OUTPUT: u64 = 1 << 20;
/// What finding out about the Python may take.
const TO_PROBE: Duration = Duration::from_mins(1);
/// Characters of the reason why a program failed.
const LONGEST_REASON: usize = 300;

/// Runs the assertions on what the code has defined, and says of each how it went behind a word that
/// the code is not told.
const HARNESS: &str = r#"
import json, sys
word, sys.argv = sys.argv[1], [""]
tests = json.load(open("tests.json"))
scope = {"__name__": "solution"}
exec(compile(open("solution.py").read(), "solution.py", "exec"), scope)
for number, test in enumerate(tests, 1):
    try:
        exec(compile(test, "test %d" % number, "exec"), scope)
        said = "ok"
    except BaseException as error:
        said = "test %d: %s: %s" % (number, type(error).__name__, str(error)[:200])
    print("\n" + word, said.replace("\n", " "), flush=True)
"#;

/// A Python in the sandbox.
#[derive(Debug)]
pub(super) struct Python {
    launcher: Launcher,
    executable: PathBuf,
    limits: Limits,
    timeout: Duration,
}

/// What is run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) code: &'a str,
    pub(super) assertions: Option<&'a [String]>,
    pub(super) stdin: &'a str,
}

/// How a program ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself, without an error.
    Itself {
        /// What it has written.
        stdout: String,
        /// Assertions that held.
        passed: usize,
        /// Why the first of the others did not.
        failure: Option<String>,
    },
    /// In another way, which is its own fault.
    Badly(String),
}

impl Python {
    /// Finds out where a Python is and whether the sandbox holds on this machine.
    pub(super) async fn open(
        settings: &CodeSettings,
        launcher: Launcher,
    ) -> Result<Self, OpenError> {
        let executable = find(&settings.python).await?;
        let limits = Limits { memory_mb: settings.memory_mb, readable: executable[1..].to_vec() };
        let executable = executable[0].clone();
        let timeout = Duration::from_secs_f64(settings.timeout_seconds);
        let python = Self { launcher, executable, limits, timeout };
        // Slow machines take their time to load Python for the first time.
        let probe = Self { timeout: TO_PROBE, ..python };
        let run = Run { code: "print(6 * 7)", assertions: None, stdin: "" };
        let problem = match probe.run(&run).await {
            Ok(Ended::Itself { stdout, .. }) if stdout.trim() == "42" => {
                let timeout = Duration::from_secs_f64(settings.timeout_seconds);
                return Ok(Self { timeout, ..probe });
            }
            Ok(Ended::Itself { stdout, .. }) => {
                format!("a program that prints 42 wrote `{stdout}`")
            }
            Ok(Ended::Badly(why)) => format!(
                "a program that prints 42 failed: {why}\n\
                 hint: is [reward] memory_mb enough for this Python?"
            ),
            Err(problem) => problem,
        };
        Err(OpenError::new(format!("[reward] kind `code`: the sandbox does not work: {problem}")))
    }

    /// Runs a program. The error says what is wrong with the sandbox.
    pub(super) async fn run(&self, run: &Run<'_>) -> Result<Ended, String> {
        let scratch = tempfile::tempdir().map_err(|error| format!("no scratch folder: {error}"))?;
        let write = |name: &str, text: &str| {
            let path = scratch.path().join(name);
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        write("solution.py", run.code)?;
        let word = format!("{:016x}", RandomState::new().hash_one(run.code));
        let mut arguments = vec!["-I".to_owned(), "-B".to_owned()];
        match run.assertions {
            None => arguments.push("solution.py".into()),
            Some(assertions) => {
                let json = serde_json::to_string(assertions).expect("text can be written as JSON");
                write("tests.json", &json)?;
                arguments.extend(["-c".into(), HARNESS.into(), word.clone()]);
            }
        }
        let mut command = Command::from(self.launcher.command(
            &self.limits,
            scratch.path(),
            &word,
            &self.executable,
            &arguments,
        ));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the sandbox cannot be started: {error}"))?;
        let mut stdin = child.stdin.take().expect("it is a pipe");
        let stdout = child.stdout.take().expect("it is a pipe");
        let stderr = child.stderr.take().expect("it is a pipe");
        let fed = async {
            // It need not read what it is given.
            drop(stdin.write_all(run.stdin.as_bytes()).await);
            drop(stdin);
        };
        let read = async { tokio::try_join!(all(stdout), all(stderr)) };
        let ended = async {
            let ((), read) = tokio::join!(fed, read);
            let (stdout, stderr) = read?;
            Ok::<_, Flood>((stdout, stderr, child.wait().await))
        };
        let (stdout, stderr, status) = match timeout(self.timeout, ended).await {
            Err(_) if is_stopped(child.id()) => {
                return Err("the program was stopped from outside".into());
            }
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                return Ok(Ended::Badly(format!("it took more than {seconds} s")));
            }
            Ok(Err(Flood)) => {
                return Ok(Ended::Badly(format!("it wrote more than {MOST_OUTPUT} bytes")));
            }
            Ok(Ok((stdout, stderr, status))) => {
                let status = status.map_err(|error| format!("it was not waited for: {error}"))?;
                (stdout, stderr, status)
            }
        };
        if let Some(problem) = Launcher::problem(&word, &stderr) {
            return Err(problem);
        }
        how(status, stdout, &stderr, &word)
    }
}

/// Whether a process is stopped by a signal: it cannot stop itself.
fn is_stopped(process: Option<u32>) -> bool {
    let status = process.map(|id| std::fs::read_to_string(format!("/proc/{id}/stat")));
    let Some(Ok(status)) = status else { return false };
    // The state follows the name, which may have brackets and spaces.
    status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// It wrote too much.
struct Flood;

async fn all(from: impl AsyncRead + Unpin) -> Result<String, Flood> {
    let mut bytes = Vec::new();
    // What cannot be read any more has ended.
    let read = from.take(MOST_OUTPUT + 1).read_to_end(&mut bytes).await.unwrap_or(0);
    if read as u64 > MOST_OUTPUT {
        return Err(Flood);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How a program ended, by its status and its outputs.
fn how(status: ExitStatus, stdout: String, stderr: &str, word: &str) -> Result<Ended, String> {
    let said: Vec<&str> =
        stdout.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect();
    let passed = said.iter().filter(|&&said| said == "ok").count();
    let failure = said.iter().find(|&&said| said != "ok").map(|said| named(said));
    if status.success() {
        return Ok(Ended::Itself { passed, failure, stdout });
    }
    // What the program can bring about itself is its own fault; SIGKILL it cannot.
    if status.signal() == Some(Signal::KILL.as_raw()) {
        return Err("the program was killed from outside; is there enough memory?".into());
    }
    let last = stderr.trim_end().lines().next_back().unwrap_or_default().trim();
    let why = if last.is_empty() { status.to_string() } else { named(last) };
    Ok(Ended::Badly(why))
}

/// The error of a program; what the sandbox does not let it is called by its name.
fn named(error: &str) -> String {
    let error: String = error.chars().take(LONGEST_REASON).collect();
    let sandbox = |what: &str| format!("the sandbox has no {what} ({error})");
    if error.contains("[Errno 101]") || error.contains("[Errno 97]") {
        sandbox("network")
    } else if error.contains("[Errno 11]") || error.contains("can't start new thread") {
        sandbox("further processes")
    } else if error.contains("[Errno 13]") || error.contains("[Errno 1] ") {
        sandbox("access to this")
    } else if error.contains("MemoryError") {
        sandbox("more memory")
    } else {
        error
    }
}

/// The executable of a Python and the folders it needs.
async fn find(python: &str) -> Result<Vec<PathBuf>, OpenError> {
    let failed = |problem: String| {
        OpenError::new(format!(
            "[reward] python `{python}` cannot be used: {problem}\n\
             hint: the name or the path of a Python 3"
        ))
    };
    let asked = Command::new(python)
        .args([
            "-I",
            "-c",
            "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep='\\n')",
        ])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(TO_PROBE, asked).await.map_err(|_| failed("it does not answer".into()))?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let paths: Vec<PathBuf> = text.lines().map(PathBuf::from).collect();
    if paths.len() == 3 && paths.iter().all(|path| path.is_absolute()) {
        return Ok(paths);
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
