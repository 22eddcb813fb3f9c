//! `[server]`: where rollouts come from.

use retrial_protocol::Transfer;
use serde::{Deserialize, Serialize};

/// `[server]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Base URLs of vLLM or `SGLang` servers; without any the embedded one is started.
    pub urls: Vec<String>,
    /// The model's name there.
    pub model: String,
    /// Requests in flight to each server.
    pub concurrency: usize,
    /// Failed rollout requests between two pushes of weights, after which the run stops.
    pub error_budget: u32,
    /// How long a run waits for a server to come back, seconds.
    pub patience_seconds: u64,
    /// Sequences that the embedded server samples side by side.
    pub max_sequences: usize,
    /// How new weights get to the servers.
    pub push: Transfer,
    /// Deadline of a rollout request, seconds.
    pub timeout_seconds: u64,
    /// Deadline of each call that gives a server new weights, seconds.
    pub push_timeout_seconds: u64,
    /// Silence of a server that owes answers after which the run says what it waits for, seconds.
    pub stall_seconds: u64,
    /// Largest difference between the server's and the trainer's log-probability of a token that
    /// passes the check after each push of weights, nats.
    pub tolerance: f64,
}

impl ServerConfig {
    /// Requests in flight to all servers.
    pub fn requests(&self) -> usize {
        self.concurrency * self.urls.len().max(1)
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            model: "policy".into(),
            concurrency: 64,
            error_budget: 100,
            patience_seconds: 600,
            max_sequences: 128,
            push: Transfer::Disk,
            timeout_seconds: 1800,
            push_timeout_seconds: 600,
            stall_seconds: 300,
            tolerance: 1e-4,
        }
    }
}
