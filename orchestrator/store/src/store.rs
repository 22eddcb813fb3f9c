//! An open log, and the two ways to it: one connection that writes, some that read.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, SqliteConnection};

use crate::error::StoreError;
use crate::open::{self, reader};

/// An open log.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    // One connection: writes queue here and never meet each other in the database.
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) success_characters: Option<u32>,
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
    pub(crate) async fn write<T>(
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
    pub(crate) async fn read<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let read = async { work(&mut *self.readers.acquire().await?).await };
        read.await.map_err(|error| StoreError::sql(action, &self.path, &error))
    }
}
