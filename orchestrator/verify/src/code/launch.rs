//! One run of a program in the sandbox: its files, its process, its limits, its result.

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

/// Limit on the output of a program, bytes.
const MOST_OUTPUT: u64 = 1 << 20;
/// Time limit for probing the Python interpreter.
const TO_PROBE: Duration = Duration::from_mins(1);
/// Characters kept of the reason why a program failed.
const LONGEST_REASON: usize = 300;

/// Runs the assertions after the code, in the same scope. Prints a line for each, marked by a secret
/// word that the code is not given.
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

/// A Python interpreter in the sandbox.
#[derive(Debug)]
pub(super) struct Python {
    launcher: Launcher,
    executable: PathBuf,
    limits: Limits,
    timeout: Duration,
}

/// A program to run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) code: &'a str,
    pub(super) assertions: Option<&'a [String]>,
    pub(super) stdin: &'a str,
}

/// The result of a program.
#[derive(Debug)]
pub(super) enum Ended {
    /// It exited without an error.
    Exited {
        /// Its standard output.
        stdout: String,
        /// Assertions that held.
        passed: usize,
        /// Why the first failed assertion failed.
        failure: Option<String>,
    },
    /// It failed, and the cause is its own code.
    Failed(String),
}

impl Python {
    /// Finds the Python interpreter and tries the sandbox on this machine.
    pub(super) async fn open(
        settings: &CodeSettings,
        launcher: Launcher,
    ) -> Result<Self, OpenError> {
        let executable = find(&settings.python).await?;
        let limits = Limits { memory_mb: settings.memory_mb, readable: executable[1..].to_vec() };
        let executable = executable[0].clone();
        let timeout = Duration::from_secs_f64(settings.timeout_seconds);
        let python = Self { launcher, executable, limits, timeout };
        // Loading Python for the first time is slow on slow machines.
        let probe = Self { timeout: TO_PROBE, ..python };
        let run = Run { code: "print(6 * 7)", assertions: None, stdin: "" };
        let problem = match probe.run(&run).await {
            Ok(Ended::Exited { stdout, .. }) if stdout.trim() == "42" => {
                let timeout = Duration::from_secs_f64(settings.timeout_seconds);
                return Ok(Self { timeout, ..probe });
            }
            Ok(Ended::Exited { stdout, .. }) => {
                format!("a program that prints 42 wrote `{stdout}`")
            }
            Ok(Ended::Failed(why)) => format!(
                "a program that prints 42 failed: {why}\n\
                 hint: is [reward] memory_mb enough for this Python?"
            ),
            Err(problem) => problem,
        };
        Err(OpenError::new(format!("[reward] kind `code`: the sandbox does not work: {problem}")))
    }

    /// Runs a program. The error is a failure of the sandbox, not of the program.
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
            // A program need not read its input.
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
                return Ok(Ended::Failed(format!("it took more than {seconds} s")));
            }
            Ok(Err(Flood)) => {
                return Ok(Ended::Failed(format!("it wrote more than {MOST_OUTPUT} bytes")));
            }
            Ok(Ok((stdout, stderr, status))) => {
                let status = status.map_err(|error| format!("waiting for it failed: {error}"))?;
                (stdout, stderr, status)
            }
        };
        if let Some(problem) = Launcher::problem(&word, &stderr) {
            return Err(problem);
        }
        how(status, stdout, &stderr, &word)
    }
}

/// Whether a process is stopped by a signal. A program in the sandbox cannot stop itself.
fn is_stopped(process: Option<u32>) -> bool {
    let status = process.map(|id| std::fs::read_to_string(format!("/proc/{id}/stat")));
    let Some(Ok(status)) = status else { return false };
    // The state follows the name, which may contain brackets and spaces.
    status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// A program wrote too much.
struct Flood;

async fn all(from: impl AsyncRead + Unpin) -> Result<String, Flood> {
    let mut bytes = Vec::new();
    // A read error counts as the end of the output.
    let read = from.take(MOST_OUTPUT + 1).read_to_end(&mut bytes).await.unwrap_or(0);
    if read as u64 > MOST_OUTPUT {
        return Err(Flood);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The result of a program, from its exit status and output.
fn how(status: ExitStatus, stdout: String, stderr: &str, word: &str) -> Result<Ended, String> {
    let said: Vec<&str> =
        stdout.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect();
    let passed = said.iter().filter(|&&said| said == "ok").count();
    let failure = said.iter().find(|&&said| said != "ok").map(|said| named(said));
    if status.success() {
        return Ok(Ended::Exited { passed, failure, stdout });
    }
    // The sandbox lets no program kill itself with SIGKILL, so the signal came from outside.
    if status.signal() == Some(Signal::KILL.as_raw()) {
        return Err("the program was killed from outside; is there enough memory?".into());
    }
    let last = stderr.trim_end().lines().next_back().unwrap_or_default().trim();
    let why = if last.is_empty() { status.to_string() } else { named(last) };
    Ok(Ended::Failed(why))
}

/// The error of a program. An error that the sandbox causes is named as such.
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

/// The executable of a Python interpreter and the folders it needs.
async fn find(python: &str) -> Result<Vec<PathBuf>, OpenError> {
    let failed = |problem: String| {
        OpenError::new(format!(
            "[reward] python `{python}` cannot be used: {problem}\n\
             hint: give the name or the path of a Python 3"
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
