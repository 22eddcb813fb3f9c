//! The state that requests are answered from.

use std::path::Path;
use std::sync::Arc;

use retrial_live::{Live, Snapshot};
use retrial_store::{
    LoggedNotice, ReadError, Reader, RunCache, RunData, RunInfo, StoreError, View,
};
use tokio::sync::{Semaphore, watch};

use crate::access::Access;
use crate::error::ApiError;
use crate::look::{self, Look};
use crate::status::RunStatus;
use crate::threads::give_way;

/// Limit on clients of events.
pub const LISTENERS: usize = 64;

/// The state that requests are answered from; clones share it.
#[derive(Clone)]
pub struct Site {
    /// The log.
    pub log: Reader,
    /// Its file.
    pub path: Arc<Path>,
    /// Cached data of runs.
    pub cache: Arc<RunCache>,
    /// The run that this process trains, if there is one.
    pub live: Option<Arc<Live>>,
    /// Access rules.
    pub access: Arc<Access>,
    /// Grows with each change of the log, as long as there is a client.
    pub changes: watch::Sender<u64>,
    /// Permits for clients of events.
    pub listeners: Arc<Semaphore>,
}

impl Site {
    /// A site over a log, and the run that this process trains, if there is one.
    pub async fn open(
        log: &Path,
        live: Option<Arc<Live>>,
        access: Access,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            log: Reader::open(log).await?.on_thread(give_way),
            path: log.into(),
            cache: Arc::default(),
            live,
            access: Arc::new(access),
            changes: watch::Sender::new(0),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
        })
    }

    /// A snapshot of the run of this process.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.live.as_ref().map(|live| live.snapshot())
    }

    /// Reads from the log.
    pub async fn read<T>(
        &self,
        work: impl AsyncFnOnce(View<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ApiError> {
        Ok(self.log.read(work).await?)
    }

    /// The status of a run.
    pub async fn status(&self, name: &str) -> Result<RunStatus, ApiError> {
        self.read_run(name, async |_, _| Ok(())).await.map(|(status, ())| status)
    }

    /// Reads data of a run, in one transaction with its status.
    pub async fn read_run<T>(
        &self,
        name: &str,
        work: impl AsyncFnOnce(View<'_>, &RunInfo) -> Result<T, ReadError>,
    ) -> Result<(RunStatus, T), ApiError> {
        let snapshot = self.snapshot();
        self.read(async |mut view| {
            let run = view.run(name).await?;
            let status = self.status_of(&mut view, &run, snapshot.as_ref()).await?;
            Ok((status, work(view, &run).await?))
        })
        .await
    }

    /// What deserves attention in a run, with its status and its data.
    pub async fn look(&self, name: &str) -> Result<(Look, Arc<RunData>), ApiError> {
        let snapshot = self.snapshot();
        self.read(async |mut view| {
            let run = view.run(name).await?;
            let status = self.status_of(&mut view, &run, snapshot.as_ref()).await?;
            let data = self.cache.data(&mut view, &run).await?;
            let (log, live) = (&*self.path, snapshot.as_ref());
            let attention = look::of_run(&mut view, &run, &data, log, &status, live).await?;
            Ok((Look { status, attention }, data))
        })
        .await
    }

    /// The latest warnings of a run.
    pub async fn notices(&self, name: &str, most: u32) -> Result<Vec<LoggedNotice>, ApiError> {
        self.read(async |mut view| {
            let run = view.run(name).await?;
            view.notices(&run, most).await
        })
        .await
    }

    async fn status_of(
        &self,
        view: &mut View<'_>,
        run: &RunInfo,
        live: Option<&Snapshot>,
    ) -> Result<RunStatus, ReadError> {
        let numbers = view.run_numbers(run).await?;
        let process = view.last_process(run).await?;
        Ok(RunStatus::of(&run.name, &numbers, process.as_ref(), live))
    }

    /// The data of a run in the log, and its status.
    pub async fn data(&self, name: &str) -> Result<(RunStatus, Arc<RunData>), ApiError> {
        self.read_run(name, async |mut view, run| self.cache.data(&mut view, run).await).await
    }
}
