//! Reading a log: read-only, with one consistent state for a page, in bounded time.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Sqlite, SqliteConnection};

use crate::error::{ReadError, StoreError};
use crate::open;

/// Limit on the time of a page's queries.
pub const QUERY_TIME: Duration = Duration::from_secs(5);
/// Limit on a page's wait for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// Instructions of `SQLite`'s virtual machine between checks of the time.
const CHECK_EVERY: i32 = 20_000;
/// `SQLite`'s code of an interrupted query.
const INTERRUPTED: &str = "9";

/// A log, opened for reading.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: SqlitePool,
    /// Called once on the thread of each connection.
    on_thread: fn(),
}

/// A view of the log: it has a method for each kind of thing.
#[derive(Debug)]
pub struct View<'c> {
    pub(crate) db: &'c mut SqliteConnection,
}

/// A connection for reading as long as needed.
#[derive(Debug)]
pub struct Session(PoolConnection<Sqlite>);

/// The requested rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows to skip.
    pub offset: u32,
    /// Rows to show.
    pub limit: u32,
}

/// Watches for changes of a log.
#[derive(Debug)]
pub struct ChangeWatch {
    connection: PoolConnection<Sqlite>,
    version: i64,
}

impl Reader {
    /// Opens a log.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { pool: open::reader(path).await?, on_thread: || {} })
    }

    /// Sets a function that each thread of a [`Reader::read`] runs first, to lower its priority.
    #[must_use]
    pub fn on_thread(self, on_thread: fn()) -> Self {
        Self { on_thread, ..self }
    }

    /// Closes the log once all readers are done.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A connection for reading as long as needed.
    pub async fn session(&self) -> Result<Session, ReadError> {
        Ok(Session(self.pool.acquire().await?))
    }

    /// Starts watching for changes.
    pub async fn watch(&self) -> Result<ChangeWatch, ReadError> {
        let mut connection = self.pool.acquire().await?;
        let version = data_version(&mut connection).await?;
        Ok(ChangeWatch { connection, version })
    }

    /// Reads for a page in one transaction, in at most [`QUERY_TIME`].
    pub async fn read<T>(
        &self,
        work: impl AsyncFnOnce(View<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let acquired = tokio::time::timeout(WAIT, self.pool.acquire()).await;
        let mut db = acquired.map_err(|_| ReadError::Busy)??;
        // This also interrupts a query whose client has disconnected.
        let deadline = Instant::now() + QUERY_TIME;
        let mut first = Some(self.on_thread);
        db.lock_handle().await?.set_progress_handler(CHECK_EVERY, move || {
            // This is the connection's own thread, which does nothing else.
            if let Some(on_thread) = first.take() {
                on_thread();
            }
            Instant::now() < deadline
        });
        let mut transaction = db.begin().await?;
        let result = work(View { db: &mut transaction }).await;
        // Nothing was written, so an error of the rollback does not matter.
        let _ = transaction.rollback().await;
        result
    }
}

impl Session {
    /// A view through this connection.
    pub fn view(&mut self) -> View<'_> {
        View { db: &mut self.0 }
    }
}

impl ChangeWatch {
    /// Whether the log has changed since the last call.
    pub async fn changed(&mut self) -> Result<bool, ReadError> {
        let version = data_version(&mut self.connection).await?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }
}

/// Changes whenever another connection has committed.
async fn data_version(db: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(db).await
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.code().as_deref() == Some(INTERRUPTED) => {
                Self::TooSlow { limit: QUERY_TIME }
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn a_query_ends_in_time_and_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        Store::open(&path).await.unwrap().close().await;
        let reader = Reader::open(&path).await.unwrap();
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        let clock = Instant::now();
        let stopped = reader
            .read(async |view| {
                view.db.lock_handle().await?.set_progress_handler(1000, move || {
                    clock.elapsed() < Duration::from_millis(20)
                });
                Ok(sqlx::query(endless).execute(view.db).await?)
            })
            .await;
        assert!(matches!(stopped, Err(ReadError::TooSlow { .. })), "{stopped:?}");
        let written = reader
            .read(async |view| Ok(sqlx::query("DELETE FROM runs").execute(view.db).await?))
            .await;
        let Err(ReadError::Failed(message)) = written else { panic!("{written:?}") };
        assert!(message.contains("readonly"), "{message}");
    }
}
