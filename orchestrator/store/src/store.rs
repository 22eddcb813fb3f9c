//! An open log with its connections: one that writes, some that read.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, SqliteConnection};

use crate::error::StoreError;
use crate::open::{self, reader};

/// An open log.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    // One connection: writes are queued here and never conflict in the database.
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) success_characters: Option<u32>,
}

impl Store {
    /// Opens the log, creates it if needed, and migrates its schema.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = open::writer(path).await?;
        let readers = reader(path).await?;
        Ok(Self { path: path.into(), writer, readers, success_characters: None })
    }

    /// Shortens correct responses to this many characters once their step is committed.
    #[must_use]
    pub fn cutting_successes(self, characters: Option<u32>) -> Self {
        Self { success_characters: characters, ..self }
    }

    /// Closes the log: all of it is then in its one file.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Makes all writes survive a power failure. It waits for the disk, so not
    /// every write does it.
    pub async fn sync(&self) -> Result<(), StoreError> {
        let failed =
            |error: std::io::Error| StoreError::new("fsync", &self.path, error.to_string());
        match tokio::fs::File::open(open::wal(&self.path)).await {
            Ok(wal) => wal.sync_data().await.map_err(failed),
            // There is nothing to sync beside the file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes in one transaction. `action` completes "cannot ACTION PATH".
    pub(crate) async fn write<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let failed = |error| StoreError::sql(action, &self.path, &error);
        let mut db = self.writer.acquire().await.map_err(failed)?;
        let written = async {
            // As a writer from the start: a reader that becomes one may find the log changed and fail.
            let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
            let value = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(value)
        };
        match written.await {
            Ok(value) => Ok(value),
            Err(error) => {
                // SQLite rolls back by itself after some errors, which sqlx does not notice: the
                // next write gets a new connection.
                let _ = db.close().await;
                Err(failed(error))
            }
        }
    }

    /// Reads.
    pub(crate) async fn read<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let read = async { work(&mut *self.readers.acquire().await?).await };
        read.await.map_err(|error| StoreError::sql(action, &self.path, &error))
    }
}
