//! The dashboard: the log of runs as pages, as an API, and live while a run goes on.
//!
//! - What comes from the log is read through one read-only pool, in bounded time. What a run does at
//!   this moment comes from [`crate::live`], in the process that trains.
//! - Every page is rendered from the same data that its twin under `/api` answers ([`queries`]).
//! - It has threads of its own, which give way to the run's ([`threads`]).
//! - Texts of models are text: they are escaped by the template engine, what is hidden in them is
//!   shown ([`text`]), and a content-security policy allows nothing that comes from elsewhere.

pub mod access;
pub mod api;
pub(crate) mod assets;
pub mod chart;
mod connections;
pub mod db;
mod events;
pub mod format;
mod link;
mod metrics;
pub mod pages;
pub mod panels;
pub mod picture;
pub mod problem;
pub mod queries;
pub mod routes;
pub mod site;
mod tables;
pub mod text;
pub mod threads;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use self::access::Access;
use self::connections::Connections;
use self::db::Db;
use self::site::Site;
use crate::config::DashboardConfig;
use crate::failure::Failure;
use crate::live::Live;

/// A dashboard that has its address and does not answer yet.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
}

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Another program listens there.
    #[error(
        "cannot listen on {address}: {source}\n\
         hint: [dashboard] listen or --listen names another address; port 0 takes a free one"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The settings are not safe.
    #[error(transparent)]
    Access(anyhow::Error),
}

/// A dashboard that answers until this is dropped.
#[derive(Debug)]
pub struct Dashboard {
    address: SocketAddr,
    db: Db,
    server: JoinHandle<std::io::Result<()>>,
    watch: JoinHandle<()>,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Door {
    /// Takes the address.
    pub async fn open(config: &DashboardConfig) -> Result<Self, DoorError> {
        let address = config.listen;
        let access = Access::new(config).map_err(DoorError::Access)?;
        let failed = |source| DoorError::Address { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, access })
    }

    /// Takes the address for a run. The run goes on without a dashboard if another program has the
    /// address, and does not begin if the dashboard would not be safe.
    pub async fn of_run(config: &DashboardConfig) -> Result<Option<Self>, Failure> {
        if !config.enabled {
            return Ok(None);
        }
        match Self::open(config).await {
            Ok(door) => Ok(Some(door)),
            Err(DoorError::Access(error)) => Err(Failure::Input(error)),
            Err(error @ DoorError::Address { .. }) => {
                tracing::warn!("the run has no dashboard: {error}");
                Ok(None)
            }
        }
    }

    /// Answers from a log, and from the run that this process trains, if it does.
    pub async fn serve(self, log: &Path, live: Option<Arc<Live>>) -> Result<Dashboard> {
        let site = Site::open(log, live, self.access).await;
        let site = site.context("the dashboard cannot read the log")?;
        let db = site.db.clone();
        let runtime = threads::runtime().context("the dashboard's threads did not start")?;
        let watch = runtime.spawn(events::watch(db.clone(), site.changes.clone()));
        let app = routes::router(site);
        // A listener belongs to the runtime that it was made in.
        let listener = self.listener.into_std()?;
        let server = runtime.spawn(async move {
            axum::serve(Connections::of(TcpListener::from_std(listener)?), app).await
        });
        Ok(Dashboard { address: self.address, db, server, watch, runtime: Some(runtime) })
    }
}

impl Dashboard {
    /// Where a browser finds it.
    pub fn url(&self) -> String {
        // An address that stands for all of them is none that a browser can go to.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}/")
    }

    /// Answers until the program ends.
    pub async fn run(mut self) -> Result<()> {
        let ended = (&mut self.server).await;
        Ok(ended.context("the dashboard's task failed")??)
    }

    /// Ends, with the log closed.
    pub async fn close(self) {
        let db = self.db.clone();
        drop(self);
        db.close().await;
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.server.abort();
        self.watch.abort();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
