//! Reading the log for a page: read-only, one consistent state, and never for long.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Sqlite, SqliteConnection};

use super::problem::Problem;
use super::threads;
use crate::store::{self, StoreError};

/// Longest time that the queries of a page may take.
pub const QUERY_TIME: Duration = Duration::from_secs(5);
/// Longest wait for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// Instructions of `SQLite`'s virtual machine between two looks at the clock.
const CHECK_EVERY: i32 = 20_000;
/// `SQLite`'s code of a query that was stopped.
const INTERRUPTED: &str = "9";

/// A log that is only read.
#[derive(Clone, Debug)]
pub struct Db {
    pool: SqlitePool,
}

impl Db {
    /// Opens a log.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { pool: store::reader(path).await? })
    }

    /// A connection to keep, for watching.
    pub async fn connection(&self) -> sqlx::Result<PoolConnection<Sqlite>> {
        self.pool.acquire().await
    }

    /// Closes the log once nobody reads it any more.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Does the reading of a page in one transaction.
    pub async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let acquired = tokio::time::timeout(WAIT, self.pool.acquire()).await;
        let mut db = acquired.map_err(|_| Problem::Busy)??;
        // Also stops a query whose reader has gone away.
        let deadline = Instant::now() + QUERY_TIME;
        let mut gives_way = false;
        db.lock_handle().await?.set_progress_handler(CHECK_EVERY, move || {
            // This is the connection's own thread, which does nothing else.
            if !std::mem::replace(&mut gives_way, true) {
                threads::give_way();
            }
            Instant::now() < deadline
        });
        let mut transaction = db.begin().await?;
        let result = work(&mut transaction).await;
        // Nothing was written: what the rollback says does not matter.
        let _ = transaction.rollback().await;
        result
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.code().as_deref() == Some(INTERRUPTED) => {
                Self::TooSlow
            }
            _ => Self::Log(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_query_ends_in_time_and_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        Store::open(&path).await.unwrap().close().await;
        let db = Db::open(&path).await.unwrap();
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        let clock = Instant::now();
        let stopped = db
            .read(async |db| {
                db.lock_handle().await?.set_progress_handler(1000, move || {
                    clock.elapsed() < Duration::from_millis(20)
                });
                Ok(sqlx::query(endless).execute(db).await?)
            })
            .await;
        assert!(matches!(stopped, Err(Problem::TooSlow)), "{stopped:?}");
        let written =
            db.read(async |db| Ok(sqlx::query("DELETE FROM runs").execute(db).await?)).await;
        let Err(Problem::Log(message)) = written else { panic!("{written:?}") };
        assert!(message.contains("readonly"), "{message}");
    }
}
