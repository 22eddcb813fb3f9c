//! `[dashboard]`: where a person looks at a run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[dashboard]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DashboardConfig {
    /// Whether a run serves it.
    pub enabled: bool,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether the run's process goes on serving it after the last step, until a signal ends it.
    pub keep: bool,
    /// File whose content is the token: needed for control, and to listen beyond this machine.
    pub token_file: Option<PathBuf>,
    /// Whether reading takes no token beyond this machine either.
    pub read_without_token: bool,
    /// Names of this machine under which it may be asked for, beside `localhost` and addresses.
    pub hosts: Vec<String>,
}

impl Default for DashboardConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            keep: false,
            token_file: None,
            read_without_token: false,
            hosts: Vec::new(),
        }
    }
}
