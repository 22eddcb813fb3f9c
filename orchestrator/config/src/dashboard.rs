//! `[dashboard]`: the dashboard of a run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[dashboard]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DashboardConfig {
    /// Whether a run serves the dashboard.
    pub enabled: bool,
    /// The address it listens on.
    pub listen: SocketAddr,
    /// Whether the run's process keeps serving it after the last step, until a signal ends it.
    pub keep: bool,
    /// File with the access token: required for control, and for addresses beyond loopback.
    pub token_file: Option<PathBuf>,
    /// Whether reading needs no token on other addresses either.
    pub read_without_token: bool,
    /// Host names of this machine that browsers may use, besides `localhost` and IP addresses.
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
