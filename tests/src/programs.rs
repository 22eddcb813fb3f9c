//! The programs under test, and their processes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

/// The programs under test.
const PROGRAMS: [&str; 3] = ["retrial", "retrial-trainer", "retrial-policy"];

/// A program of the workspace, built from the current sources.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(root()).args(["build", "--quiet", "--workspace"]);
        // With the features of the whole workspace, as in `make`: building a part alone would change features of
        // dependencies, and compile all of it again.
        build.args(PROGRAMS.iter().flat_map(|program| ["--bin", program]));
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.status().expect("cargo can be started");
        assert!(status.success(), "the binaries do not build");
        let test = std::env::current_exe().expect("a test knows where it lies");
        test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps").to_owned()
    });
    folder.join(name)
}

/// Sends a process a signal; returns whether it exists.
pub(crate) fn kill(signal: &str, process: &str) -> bool {
    let kill = format!("kill -{signal} {process}");
    Command::new("sh").args(["-c", &kill]).status().is_ok_and(|status| status.success())
}
