//! The two services as separate processes, as a user would start them beside a run.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::programs::{binary, root};

/// A process that serves HTTP; it ends when this is dropped.
pub struct Service {
    command: Command,
    child: Child,
    /// Its base URL.
    pub url: String,
}

impl Service {
    /// `retrial-policy` on the demo's model.
    pub fn policy(arguments: &[&str]) -> Self {
        Self::policy_on(&base(), arguments)
    }

    /// `retrial-policy` on the model of a folder.
    pub fn policy_on(model: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary("retrial-policy"));
        command.arg("--model").arg(model).args(["--served-model-name", "policy"]).args(arguments);
        Self::start(command)
    }

    /// `retrial-trainer serve` on a folder of versions that starts from the demo's model.
    pub fn trainer(versions: &Path) -> Self {
        let mut command = Command::new(binary("retrial-trainer"));
        command.arg("serve").arg("--model").arg(base()).arg("--versions").arg(versions);
        Self::start(command)
    }

    /// Restarts it with a required token.
    #[must_use]
    pub fn guarded(mut self, token: &str) -> Self {
        self.command.env("RETRIAL_SERVICE_TOKEN", token);
        self.start_anew();
        self
    }

    fn start(mut command: Command) -> Self {
        command.arg("--exit-with-stdin");
        let (child, url) = spawn(&command, "0");
        Self { command, child, url }
    }

    /// Kills it, and restarts it at the same address.
    pub fn start_anew(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        let port = self.url.rsplit(':').next().expect("the address has a port").to_owned();
        (self.child, _) = spawn(&self.command, &port);
    }

    /// The setting by which a run samples from it.
    pub fn setting(&self) -> String {
        format!("server.urls=[\"{}\"]", self.url)
    }
}

/// Starts a service on a port, the last of its arguments, and waits until it is ready.
fn spawn(command: &Command, port: &str) -> (Child, String) {
    let mut started = Command::new(command.get_program());
    started.args(command.get_args()).args(["--port", port]);
    started.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    started.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = started.spawn().expect("the service can be started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("standard output is a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("it says that it is ready");
    let url = line.split('"').nth(3).expect("a line with its address").to_owned();
    (child, url)
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The demo's model before any step.
fn base() -> std::path::PathBuf {
    root().join("examples/dialects/base")
}
