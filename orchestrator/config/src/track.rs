//! `[track]`: a program that receives the events of a run.

use serde::{Deserialize, Serialize};

/// `[track]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackConfig {
    /// The program and its arguments; empty without one.
    pub command: Vec<String>,
    /// Time for it to end after the run has ended, seconds.
    pub end_seconds: u64,
}

impl Default for TrackConfig {
    fn default() -> Self {
        Self { command: Vec::new(), end_seconds: 60 }
    }
}
