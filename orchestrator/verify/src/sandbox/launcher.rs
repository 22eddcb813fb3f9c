//! Starts programs in the sandbox.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The command line of the helper that restricts itself and executes a program.
#[derive(Clone, Debug)]
pub struct Launcher(Vec<OsString>);

/// What a program may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memory, MiB.
    pub memory_mb: u64,
    /// Folders that it may read, besides the system libraries.
    pub readable: Vec<PathBuf>,
}

impl Launcher {
    /// The running `retrial` program as the helper. Works even if its file was replaced since.
    pub fn this_program() -> Self {
        Self(vec!["/proc/self/exe".into(), "sandbox".into()])
    }

    /// A separate helper program.
    pub fn helper(program: impl Into<OsString>) -> Self {
        Self(vec![program.into()])
    }

    /// The command that runs a program. The helper's own error messages begin with `word`.
    pub(crate) fn command(
        &self,
        limits: &Limits,
        scratch: &Path,
        word: &str,
        program: &Path,
        arguments: &[String],
    ) -> Command {
        let mut command = Command::new(&self.0[0]);
        command
            .args(&self.0[1..])
            .arg(word)
            .arg(limits.memory_mb.to_string())
            .arg(scratch)
            .args(&limits.readable)
            .arg("--")
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", scratch)
            .env("TMPDIR", scratch)
            .env("LANG", "C.UTF-8")
            .env("PYTHONHASHSEED", "0")
            .env("OPENBLAS_NUM_THREADS", "1")
            .env("OMP_NUM_THREADS", "1");
        command
    }

    /// The error message of the helper, if there is one.
    pub(crate) fn problem(word: &str, stderr: &str) -> Option<String> {
        let complaint = stderr.lines().find_map(|line| line.strip_prefix(word))?;
        Some(complaint.trim().to_owned())
    }
}
