//! The helper: restricts itself, then executes the program.

use std::env::set_current_dir;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal};

use super::{calls, files, limits};

/// Reads `WORD MEMORY_MB SCRATCH [READABLE ...] -- PROGRAM [ARGUMENT ...]`, restricts this process
/// and executes the program. It returns only if that fails: then the program has not run, and the
/// message on standard error begins with WORD.
pub fn enter(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.peekable();
    let word = arguments.next().unwrap_or_default();
    let problem = match restricted(arguments) {
        Ok(never) => match never {},
        Err(problem) => problem,
    };
    eprintln!("{} {problem}", word.display());
    ExitCode::from(125)
}

fn restricted(
    mut arguments: impl Iterator<Item = OsString>,
) -> Result<std::convert::Infallible, String> {
    let mut next = |what: &str| arguments.next().ok_or_else(|| format!("{what} is missing"));
    let number = |text: OsString| {
        let number = text.to_str().and_then(|text| text.parse::<u64>().ok());
        number.ok_or_else(|| format!("{} is not a number", text.display()))
    };
    let memory_mb = number(next("the memory")?)?;
    let scratch = PathBuf::from(next("the scratch folder")?);
    let readable: Vec<PathBuf> =
        arguments.by_ref().take_while(|argument| argument != "--").map(PathBuf::from).collect();
    let program = arguments.next().ok_or("the program is missing")?;
    set_current_dir(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    // If the run is killed, the program is killed too.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())?;
    limits::set(memory_mb)?;
    files::restrict(&scratch, &readable)?;
    calls::restrict()?;
    let error = Command::new(&program).args(arguments).exec();
    Err(format!("cannot run {}: {error}", program.display()))
}
