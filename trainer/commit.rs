//! The text of `--version`, for the build scripts of the programs.

use std::process::Command;

/// `0.1.0 (commit 1a2b3c4d5e6f, libtorch 2.11.0)`. `RETRIAL_COMMIT` names the commit where the sources
/// are built outside git. A build for development does not ask git: each commit would build it again.
pub fn version(libtorch: &str) -> String {
    println!("cargo:rerun-if-env-changed=RETRIAL_COMMIT");
    let given = std::env::var("RETRIAL_COMMIT").ok().filter(|commit| !commit.is_empty());
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match given {
        Some(commit) => format!("commit {commit}"),
        None if release => format!("commit {}", head().unwrap_or_else(|| "unknown".into())),
        None => "development build".into(),
    };
    format!("{} ({commit}, libtorch {libtorch})", env!("CARGO_PKG_VERSION"))
}

/// The commit that git has checked out, if there is a git and a repository.
fn head() -> Option<String> {
    println!("cargo:rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
