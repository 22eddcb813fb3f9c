//! Listening and serving.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use retrial_config::DashboardConfig;
use retrial_live::Live;
use retrial_store::{Reader, StoreError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::access::{Access, AccessError};
use crate::connections::Connections;
use crate::events;
use crate::routes;
use crate::site::Site;
use crate::threads;

/// A dashboard that has bound its address and does not serve yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    access: Access,
}

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is in use.
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
    Access(#[from] AccessError),
}

/// Why a dashboard cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The log cannot be read.
    #[error("the dashboard cannot read the log: {0}")]
    Log(#[from] StoreError),
    /// Its threads did not start.
    #[error("the dashboard's threads did not start: {0}")]
    Threads(std::io::Error),
    /// It ended.
    #[error("the dashboard does not go on: {0}")]
    Ended(std::io::Error),
}

/// Time for pending answers once the dashboard ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running dashboard; it ends when this is dropped.
#[derive(Debug)]
pub struct Dashboard {
    address: SocketAddr,
    log: Reader,
    server: JoinHandle<std::io::Result<()>>,
    /// Sent, or dropped, when no more requests are accepted.
    ending: Option<oneshot::Sender<()>>,
    watch: JoinHandle<()>,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Listener {
    /// Binds the address.
    pub async fn open(config: &DashboardConfig) -> Result<Self, ListenError> {
        let address = config.listen;
        let access = Access::new(config)?;
        let failed = |source| ListenError::Address { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, access })
    }

    /// Binds the address for a run. The run continues without a dashboard if the address is in
    /// use, and does not start if the dashboard would not be safe.
    pub async fn of_run(config: &DashboardConfig) -> Result<Option<Self>, AccessError> {
        if !config.enabled {
            return Ok(None);
        }
        match Self::open(config).await {
            Ok(listener) => Ok(Some(listener)),
            Err(ListenError::Access(error)) => Err(error),
            Err(error @ ListenError::Address { .. }) => {
                tracing::warn!("the run has no dashboard: {error}");
                Ok(None)
            }
        }
    }

    /// Serves a log, and the run that this process trains, if there is one.
    pub async fn serve(self, log: &Path, live: Option<Arc<Live>>) -> Result<Dashboard, ServeError> {
        let site = Site::open(log, live, self.access).await?;
        let log = site.log.clone();
        let runtime = threads::runtime().map_err(ServeError::Threads)?;
        let watch = runtime.spawn(events::watch(log.clone(), site.changes.clone()));
        let app = routes::router(site);
        // A listener belongs to its runtime.
        let socket = self.socket.into_std().map_err(ServeError::Ended)?;
        let (ending, ended) = oneshot::channel::<()>();
        let server = runtime.spawn(async move {
            axum::serve(Connections::of(TcpListener::from_std(socket)?), app)
                .with_graceful_shutdown(async { drop(ended.await) })
                .await
        });
        let (address, ending, runtime) = (self.address, Some(ending), Some(runtime));
        Ok(Dashboard { address, log, server, ending, watch, runtime })
    }
}

impl Dashboard {
    /// The URL for a browser.
    pub fn url(&self) -> String {
        // A browser cannot open an address that stands for all of them.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}/")
    }

    /// Serves until the program ends.
    pub async fn run(mut self) -> Result<(), ServeError> {
        let ended = (&mut self.server).await.map_err(std::io::Error::other);
        ended.and_then(|ended| ended).map_err(ServeError::Ended)
    }

    /// Ends, with the log closed. Pending answers are sent first: one of them may be to the command
    /// that stopped the run.
    pub async fn close(mut self) {
        self.ending.take();
        // Pages that wait for events would wait for ever.
        let _ = timeout(FAREWELL, &mut self.server).await;
        let log = self.log.clone();
        drop(self);
        log.close().await;
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
