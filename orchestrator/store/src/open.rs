//! Opening a log: only a log, or a new file, is ever written to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::error::StoreError;
use crate::migrations::MIGRATIONS;

/// How long a query waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
const ACTION: &str = "open the log";

/// The one connection that writes. Creates the file if needed and migrates its
/// schema.
pub async fn writer(path: &Path) -> Result<SqlitePool, StoreError> {
    no_folder(path)?;
    let failed = |error: sqlx::Error| StoreError::sql(ACTION, path, &error);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // A write survives a crash of the process at once, and a power failure after `Store::sync`.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        // The indexes used by a commit fit into 64 MiB; pages are written to the file every 32 MiB.
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "8192")
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(2 * BUSY_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(failed)?;
    match content(&mut *pool.acquire().await.map_err(failed)?).await.map_err(failed)? {
        Content::Other => return Err(no_log(path)),
        Content::Log { schema } if schema > known_schema() => return Err(newer(path, schema)),
        Content::Nothing | Content::Log { .. } => {}
    }
    sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await.map_err(failed)?;
    MIGRATIONS.run(&pool).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        MigrateError::VersionMissing(schema) | MigrateError::VersionMismatch(schema) => {
            let problem = format!(
                "its schema {schema} does not belong to this version of retrial\n\
                 hint: use the version that made it, or another file"
            );
            StoreError::new(ACTION, path, problem)
        }
        other => StoreError::new(ACTION, path, other.to_string()),
    })?;
    Ok(pool)
}

/// Read-only connections. The file must be a log of this version.
pub async fn reader(path: &Path) -> Result<SqlitePool, StoreError> {
    no_folder(path)?;
    let failed = |error: sqlx::Error| StoreError::sql(ACTION, path, &error);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(is_frozen(path))
        .pragma("cache_size", "-32768")
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(options)
        .await
        .map_err(failed)?;
    match content(&mut *pool.acquire().await.map_err(failed)?).await.map_err(failed)? {
        Content::Log { schema } if schema == known_schema() => Ok(pool),
        Content::Log { schema } if schema > known_schema() => Err(newer(path, schema)),
        Content::Log { .. } => Err(StoreError::new(
            ACTION,
            path,
            "an older version of retrial made it\n\
             hint: `retrial run CONFIG --resume` migrates it",
        )),
        Content::Nothing | Content::Other => Err(no_log(path)),
    }
}

/// The file beside a log with the latest writes.
pub fn wal(log: &Path) -> PathBuf {
    let mut wal = log.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}

/// Whether a log is complete in its one file, in a read-only folder: it is then read as it is,
/// without the files by which readers and writers coordinate.
fn is_frozen(log: &Path) -> bool {
    let folder = match log.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    !wal(log).exists() && access(folder, Access::WRITE_OK).is_err()
}

fn no_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Err(StoreError::new(ACTION, path, "it is a folder\nhint: use a file in it"));
    }
    Ok(())
}

/// Content of a database.
enum Content {
    Nothing,
    /// A log, by its last migration.
    Log {
        schema: i64,
    },
    /// Tables of another program.
    Other,
}

async fn content(db: &mut SqliteConnection) -> sqlx::Result<Content> {
    let query = "SELECT count(*), coalesce(sum(name = '_sqlx_migrations'), 0) FROM sqlite_schema";
    let (things, migrated): (i64, i64) = sqlx::query_as(query).fetch_one(&mut *db).await?;
    if migrated == 0 {
        return Ok(if things == 0 { Content::Nothing } else { Content::Other });
    }
    let query = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    let schema = sqlx::query_scalar(query).fetch_one(&mut *db).await?;
    Ok(Content::Log { schema })
}

fn known_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn newer(path: &Path, schema: i64) -> StoreError {
    let problem = format!(
        "a newer version of retrial made it: its schema is {schema}, this version knows {}\n\
         hint: use the newer version, or another file",
        known_schema()
    );
    StoreError::new(ACTION, path, problem)
}

fn no_log(path: &Path) -> StoreError {
    StoreError::new(ACTION, path, "it is not a log of retrial\nhint: use another file")
}
