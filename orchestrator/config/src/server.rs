//! `[server]`: policy servers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retrial_protocol::{Access, Transfer};
use serde::{Deserialize, Serialize};

/// `[server]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Base URLs of vLLM or `SGLang` servers; without any the embedded one is started.
    pub urls: Vec<String>,
    /// The servers behind the only one of `urls`, if that is a router: weights are pushed to them.
    pub workers: Vec<String>,
    /// The environment variable with the servers' key.
    pub api_key_env: Option<String>,
    /// Further headers of each request to a server; `env:NAME` is the content of a variable.
    pub headers: BTreeMap<String, String>,
    /// A PEM file with certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// The name of the model in requests.
    pub model: String,
    /// Requests in flight to each server.
    pub concurrency: usize,
    /// Failed rollout requests between two pushes of weights, after which the run stops.
    pub error_budget: u32,
    /// How long a run waits for a server to come back, seconds.
    pub patience_seconds: u64,
    /// Sequences that the embedded server samples at the same time.
    pub max_sequences: usize,
    /// Threads of the embedded server; by default as many as there are cores. The trainer waits while it
    /// samples, and responses do not depend on it.
    pub threads: Option<u16>,
    /// Deadline of the start of the embedded server, seconds.
    pub start_seconds: u64,
    /// How new weights are pushed to the servers.
    pub push: Transfer,
    /// Deadline of a rollout request, seconds.
    pub timeout_seconds: u64,
    /// Deadline of each call that gives a server new weights, seconds.
    pub push_timeout_seconds: u64,
    /// Silence of a server with requests in flight after which it is reported, seconds.
    pub stall_seconds: u64,
    /// Tolerance: largest mean difference between the server's and the trainer's log-probabilities,
    /// nats; see [`crate::Config::tolerance`].
    pub tolerance: Option<f64>,
    /// Tokens of each step that verify the weights, 0 for none; see
    /// [`crate::Config::verify_tokens`].
    pub verify_tokens: Option<usize>,
}

impl ServerConfig {
    /// Requests in flight to all servers.
    pub fn requests(&self) -> usize {
        self.concurrency * self.urls.len().max(self.workers.len()).max(1)
    }

    /// Credentials for the servers.
    pub fn access(&self) -> Access {
        Access {
            api_key_env: self.api_key_env.clone(),
            headers: self.headers.clone(),
            ca_file: self.ca_file.clone(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            workers: Vec::new(),
            api_key_env: None,
            headers: BTreeMap::new(),
            ca_file: None,
            model: "policy".into(),
            concurrency: 64,
            error_budget: 100,
            patience_seconds: 600,
            max_sequences: 128,
            threads: None,
            start_seconds: 120,
            push: Transfer::Disk,
            timeout_seconds: 1800,
            push_timeout_seconds: 600,
            stall_seconds: 300,
            tolerance: None,
            verify_tokens: None,
        }
    }
}
