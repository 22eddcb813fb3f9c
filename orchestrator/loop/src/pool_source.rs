//! Shares the state of a run's policy servers with its dashboard.

use std::sync::Arc;

use retrial_live::ServerSource;
use retrial_protocol::{ServerHealth, Silence};
use retrial_servers::Pool;

/// A pool of servers, as the dashboard sees it.
#[derive(Debug)]
pub struct Watched(pub Arc<Pool>);

impl ServerSource for Watched {
    fn health(&self) -> Vec<ServerHealth> {
        self.0.health()
    }

    fn silent(&self) -> Vec<Silence> {
        self.0.silent()
    }
}
