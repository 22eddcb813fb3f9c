//! What a run shares with its dashboard, by the pool of its servers.

use crate::server::Pool;

pub use retrial_live::*;

impl ServerSource for Pool {
    fn health(&self) -> Vec<ServerHealth> {
        let of = |server: crate::server::ServerHealth| ServerHealth {
            url: server.url,
            version: server.version,
            in_flight: server.in_flight,
            requests: server.requests,
            failed: server.failed,
            mean_seconds: server.mean_seconds,
            worst_seconds: server.worst_seconds,
        };
        Pool::health(self).into_iter().map(of).collect()
    }

    fn silent(&self) -> Vec<Silence> {
        let of = |silence: crate::server::Silence| Silence {
            url: silence.url,
            in_flight: silence.in_flight,
            lasting: silence.lasting,
        };
        Pool::silent(self).into_iter().map(of).collect()
    }
}
