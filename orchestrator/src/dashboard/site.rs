//! What requests are answered from.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use super::access::Access;
use super::db::Db;
use super::events::LISTENERS;
use super::problem::Problem;
use super::queries::overview::{Memory, RunData};
use super::queries::runs::{self, Run};
use super::queries::status::{self, RunStatus};
use crate::live::{Live, Snapshot};
use crate::store::StoreError;

/// What requests are answered from; its clones are the same.
#[derive(Clone)]
pub struct Site {
    /// The log.
    pub db: Db,
    /// What was read of runs.
    pub memory: Arc<Memory>,
    /// The run that this process trains, if it does.
    pub live: Option<Arc<Live>>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Grows with each change of the log, as long as anyone looks.
    pub changes: watch::Sender<u64>,
    /// Places for those who listen to events.
    pub listeners: Arc<Semaphore>,
}

impl Site {
    /// Answers from a log, and from the run that this process trains, if it does.
    pub async fn open(
        log: &Path,
        live: Option<Arc<Live>>,
        access: Access,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            db: Db::open(log).await?,
            memory: Arc::new(Memory::default()),
            live,
            access: Arc::new(access),
            changes: watch::Sender::new(0),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
        })
    }

    /// What the run of this process does now.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.live.as_ref().map(|live| live.snapshot())
    }

    /// A run and how it is.
    pub async fn status(&self, name: &str) -> Result<RunStatus, Problem> {
        self.read(name, async |_, _| Ok(())).await.map(|(status, ())| status)
    }

    /// Reads something of a run, in one transaction with how the run is.
    pub async fn read<T>(
        &self,
        name: &str,
        work: impl AsyncFnOnce(&mut sqlx::SqliteConnection, &Run) -> Result<T, Problem>,
    ) -> Result<(RunStatus, T), Problem> {
        let snapshot = self.snapshot();
        self.db
            .read(async |db| {
                let run = runs::find(db, name).await?;
                let status = status::read(db, &run, snapshot.as_ref()).await?;
                Ok((status, work(db, &run).await?))
            })
            .await
    }

    /// What the log has of a run, and how it is.
    pub async fn data(&self, name: &str) -> Result<(RunStatus, Arc<RunData>), Problem> {
        self.read(name, async |db, run| self.memory.data(db, run).await).await
    }
}
