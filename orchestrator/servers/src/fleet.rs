//! All servers of a run or an evaluation, probed once.

use std::time::Duration;

use futures::future::try_join_all;
use retrial_protocol::{Access, ServerAddress};

use crate::address::{Address, InvalidAddress, distinct};
use crate::capabilities::Capabilities;
use crate::error::CallError;
use crate::keyring::Keyring;
use crate::kinds::recognise;
use crate::pool::{Limits, Pool};
use crate::sample::PolicyServer;

/// The configured servers, and how to reach them.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Servers for rollouts.
    pub urls: &'a [String],
    /// Servers for pushes, if the only one of `urls` is a router in front of these.
    pub workers: &'a [String],
    /// The name of the model in requests.
    pub model: &'a str,
    /// Deadline of a rollout request.
    pub timeout: Duration,
    /// Credentials.
    pub access: &'a Access,
}

/// The servers of a plan, probed.
#[derive(Debug)]
pub struct Fleet {
    /// Capabilities of the servers that sample, in the order of the plan.
    pub found: Vec<Capabilities>,
    /// Capabilities of the workers behind a router.
    pub workers: Vec<Capabilities>,
    /// Clients for sampling.
    servers: Vec<Box<dyn PolicyServer>>,
}

/// Why servers cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// An address is invalid or occurs twice.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// Workers without a router.
    #[error(
        "[server] workers lists servers behind a router, but urls has {urls} addresses\n\
         hint: set urls to the router alone, or to the workers without a router"
    )]
    NoRouter {
        /// Number of URLs.
        urls: usize,
    },
    /// A server could not be probed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A server cannot be given weights.
    #[error(
        "{url} has no routes to load weights\n\
         hint: start vLLM with VLLM_SERVER_DEV_MODE=1, as docs/servers.md says; a router before \
         several servers is given with [server] workers"
    )]
    NoControl {
        /// The server.
        url: String,
    },
}

/// Probes the servers of a plan.
pub async fn connect(plan: Plan<'_>) -> Result<Fleet, FleetError> {
    let (urls, workers) = (distinct(plan.urls)?, distinct(plan.workers)?);
    if !workers.is_empty() && urls.len() != 1 {
        return Err(FleetError::NoRouter { urls: urls.len() });
    }
    let keyring = &Keyring::of(plan.access).map_err(CallError::from)?;
    let ask = async |addresses: &[Address]| {
        let asked = addresses.iter().map(|address| recognise(address, plan.model, keyring));
        try_join_all(asked).await
    };
    let (mut found, workers) = (ask(&urls).await?, ask(&workers).await?);
    if !workers.is_empty() {
        // A router may pass the question to another worker than the one that sampled.
        for router in &mut found {
            router.control = None;
        }
    }
    let servers: Result<Vec<_>, _> =
        found.iter().map(|found| found.connect(plan.model, plan.timeout)).collect();
    Ok(Fleet { servers: servers?, found, workers })
}

impl Fleet {
    /// Where to push weights.
    pub fn addresses(&self) -> Result<Vec<ServerAddress>, FleetError> {
        let taking = if self.workers.is_empty() { &self.found } else { &self.workers };
        let address = |server: &Capabilities| match server.control {
            Some(kind) => Ok(ServerAddress { url: server.url.clone(), kind }),
            None => Err(FleetError::NoControl { url: server.url.clone() }),
        };
        taking.iter().map(address).collect()
    }

    /// A pool of the servers. A router gets as many requests as its workers would.
    pub fn pool(self, limits: Limits) -> Pool {
        let concurrency = limits.concurrency * self.workers.len().max(1);
        let workers = self.workers.into_iter().map(|worker| worker.url).collect();
        Pool::new(self.servers, Limits { concurrency, ..limits }).behind_router(workers)
    }

    /// Clients of the servers.
    pub fn into_servers(self) -> Vec<Box<dyn PolicyServer>> {
        self.servers
    }
}
