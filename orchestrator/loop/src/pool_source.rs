//! What a run shares with its dashboard of its policy servers.

use std::sync::Arc;

use retrial_live::{ServerHealth, ServerSource, Silence};
use retrial_servers::Pool;

/// A pool of servers, as a dashboard looks at it.
#[derive(Debug)]
pub struct Watched(pub Arc<Pool>);

impl ServerSource for Watched {
    fn health(&self) -> Vec<ServerHealth> {
        let of = |server: retrial_servers::ServerHealth| ServerHealth {
            url: server.url,
            version: server.version,
            in_flight: server.in_flight,
            requests: server.requests,
            failed: server.failed,
            mean_seconds: server.mean_seconds,
            worst_seconds: server.worst_seconds,
        };
        self.0.health().into_iter().map(of).collect()
    }

    fn silent(&self) -> Vec<Silence> {
        let of = |silence: retrial_servers::Silence| Silence {
            url: silence.url,
            in_flight: silence.in_flight,
            lasting: silence.lasting,
        };
        self.0.silent().into_iter().map(of).collect()
    }
}
