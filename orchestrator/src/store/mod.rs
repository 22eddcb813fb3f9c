//! The mistake log: one `SQLite` file that has everything that happened in its runs, and that a
//! run resumes from.
//!
//! `migrations/` has the schema, `docs/schema.md` describes it. One connection writes, others
//! read. Each call here is one transaction, all or nothing, and can be made again: a row that is
//! there stays as it is. So whatever was interrupted is simply done again.

mod codec;
mod curves;
mod error;
mod evals;
mod evaluations;
pub mod mistakes;
mod open;
mod rollouts;
mod runs;
mod steps;
pub mod unsolved;

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, SqliteConnection};

pub use error::StoreError;
pub use evals::{EvalId, EvalProblem, EvalSet, LoggedEval};
pub use evaluations::EvalRecord;
pub use open::reader;
pub use rollouts::{LoggedRollouts, TrialRecord};
pub use runs::{NewRun, RunId, RunRecord};
pub use steps::{GroupRecord, HintRecord, PushRecord, Replacement, StepRecord};

/// An open log.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    // One connection: writes queue here and never meet each other in the database.
    writer: SqlitePool,
    readers: SqlitePool,
    success_characters: Option<u32>,
}

impl Store {
    /// Opens the log, makes it if there is none, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = open::writer(path).await?;
        let readers = reader(path).await?;
        Ok(Self { path: path.into(), writer, readers, success_characters: None })
    }

    /// Keeps only so many characters of correct responses once their step is committed.
    #[must_use]
    pub fn cutting_successes(self, characters: Option<u32>) -> Self {
        Self { success_characters: characters, ..self }
    }

    /// Closes the log: all of it is in its one file then.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Has all that was written survive a power cut. It is a wait for the disk, which is why not
    /// every write does it.
    pub async fn sync(&self) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| {
            StoreError::new("have the disk keep", &self.path, error.to_string())
        };
        match tokio::fs::File::open(open::wal(&self.path)).await {
            Ok(wal) => wal.sync_data().await.map_err(failed),
            // Nothing waits beside the file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Does some writing in one transaction. `action` completes "cannot ACTION PATH".
    async fn write<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let failed = |error| StoreError::sql(action, &self.path, &error);
        let mut db = self.writer.acquire().await.map_err(failed)?;
        let written = async {
            // At once as a writer: a reader that becomes one may find the log changed and fail.
            let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
            let value = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(value)
        };
        match written.await {
            Ok(value) => Ok(value),
            Err(error) => {
                // SQLite rolls back by itself after some errors, which sqlx does not know: the
                // next write gets a new connection.
                let _ = db.close().await;
                Err(failed(error))
            }
        }
    }

    /// Does some reading.
    async fn read<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let read = async { work(&mut *self.readers.acquire().await?).await };
        read.await.map_err(|error| StoreError::sql(action, &self.path, &error))
    }
}

#[cfg(test)]
mod tests;
