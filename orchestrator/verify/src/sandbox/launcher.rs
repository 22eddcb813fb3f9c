//! How a program is started in the sandbox.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the helper is called that restricts itself and becomes a program.
#[derive(Clone, Debug)]
pub struct Launcher(Vec<OsString>);

/// What a program may have.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memory, MiB.
    pub memory_mb: u64,
    /// Folders that it may read beside those of the system's libraries.
    pub readable: Vec<PathBuf>,
}

impl Launcher {
    /// The helper of the `retrial` program that runs now, whatever became of its file since.
    pub fn this_program() -> Self {
        Self(vec!["/proc/self/exe".into(), "sandbox".into()])
    }

    /// A helper of its own.
    pub fn helper(program: impl Into<OsString>) -> Self {
        Self(vec![program.into()])
    }

    /// The command that runs a program. The helper begins what it complains of with `word`.
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

    /// What the helper complains of, if it does.
    pub(crate) fn problem(word: &str, stderr: &str) -> Option<String> {
        let complaint = stderr.lines().find_map(|line| line.strip_prefix(word))?;
        Some(complaint.trim().to_owned())
    }
}
