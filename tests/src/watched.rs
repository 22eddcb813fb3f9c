//! A process with a dashboard.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use crate::programs::{binary, kill};

/// A process with a dashboard; it ends when this is dropped.
pub struct Watched {
    child: Child,
    /// The dashboard's URL, without a slash at its end.
    pub url: String,
    rest: Option<JoinHandle<Vec<String>>>,
}

impl Watched {
    /// Starts `retrial ARGUMENTS` in a folder and waits until it prints the URL of its dashboard.
    pub(crate) fn start(folder: &Path, arguments: &[String], token: &str) -> Self {
        let mut child = Command::new(binary("retrial"))
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .env("RETRIAL_DASHBOARD_TOKEN", token)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("retrial can be started");
        let mut lines = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
        let mut told = Vec::new();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            told.push(line.clone());
            Some(line.split_once("dashboard")?.1.split_once("http")?.1.to_owned())
        });
        let url = url.unwrap_or_else(|| panic!("there is no dashboard: {}", told.join("\n")));
        // The pipe must be drained.
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect());
        Self { child, url: format!("http{}", url.trim_end_matches('/')), rest: Some(rest) }
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: &str) {
        assert!(kill(signal, &self.child.id().to_string()), "the process has ended already");
    }

    /// Waits for the process. Returns whether it succeeded, and what it printed after the URL.
    pub fn wait(mut self) -> (bool, Vec<String>) {
        let status = self.child.wait().expect("the process can be waited for");
        let rest = self.rest.take().expect("it is waited for once");
        (status.success(), rest.join().expect("the lines can be read"))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
