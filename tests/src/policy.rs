//! A policy server in a process of its own, as a user would start one beside a run.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::{binary, root};

/// `retrial-policy` on the demo's model; it ends when this is dropped.
pub struct Policy {
    child: Child,
    /// Its base URL.
    pub url: String,
}

impl Policy {
    /// Starts it, and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(binary("retrial-policy"))
            .arg("--model")
            .arg(root().join("examples/dialects/base"))
            .args(["--served-model-name", "policy", "--port", "0", "--exit-with-stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("retrial-policy can be started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says that it is ready");
        let url = line.split('"').nth(3).expect("a line with its address").to_owned();
        Self { child, url }
    }

    /// The setting that has a run use it.
    pub fn setting(&self) -> String {
        format!("server.urls=[\"{}\"]", self.url)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
