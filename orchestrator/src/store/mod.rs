//! The mistake log: one `SQLite` file that has everything that happened, and that a run resumes from.
//!
//! `migrations/` has the schema, `docs/schema.md` describes it. One connection writes; each call
//! here is one transaction, and can be made again: a row that is there stays as it is.

mod codec;
mod error;
mod evaluations;
mod rollouts;
mod steps;

use std::path::{Path, PathBuf};
use std::time::Duration;

use retrial_lte::Method;
use retrial_protocol::Step;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Row, Sqlite, Transaction};

use crate::domain::Problem;
pub use error::StoreError;
pub use evaluations::EvalRecord;
pub use rollouts::LoggedRollouts;
pub use steps::{GroupRecord, PushRecord, Replacement, StepRecord};

use error::Doing;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How long a write waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// An open log.
#[derive(Clone, Debug)]
pub struct Store {
    // One connection: writes queue here and never meet each other in the database.
    pool: SqlitePool,
}

/// The key of a run in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(i64);

/// A run that is about to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Unique in the log.
    pub name: String,
    /// How none-pass problems are treated.
    pub method: Method,
    /// What everything random follows from.
    pub seed: u64,
    /// Folder of the model it begins with.
    pub model: PathBuf,
    /// The settings that decide its result.
    pub config: serde_json::Value,
}

/// A run in the log.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its key.
    pub id: RunId,
    /// The settings it was begun with.
    pub config: serde_json::Value,
}

impl Store {
    /// Opens the log, makes it if there is none, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A committed step survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let failed = |problem: String| StoreError::Open { path: path.into(), problem };
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|error| failed(error.to_string()))?;
        MIGRATIONS.run(&pool).await.map_err(|error| {
            use sqlx::migrate::MigrateError::{VersionMismatch, VersionMissing};
            let hint = match error {
                VersionMissing(_) | VersionMismatch(_) => {
                    "\nhint: another version of retrial made it; choose another file by \
                     --set run.database=..."
                }
                _ => "",
            };
            failed(format!("{error}{hint}"))
        })?;
        Ok(Self { pool })
    }

    /// Enters a new run.
    pub async fn create_run(&self, run: &NewRun) -> Result<RunId, StoreError> {
        let query = "INSERT INTO runs (name, method, seed, model, config) VALUES (?, ?, ?, ?, ?)";
        let done = sqlx::query(query)
            .bind(&run.name)
            .bind(run.method.to_string())
            .bind(run.seed.cast_signed())
            .bind(run.model.display().to_string())
            .bind(run.config.to_string())
            .execute(&self.pool)
            .await
            .doing("enter the run")?;
        Ok(RunId(done.last_insert_rowid()))
    }

    /// The run of this name, if there is one.
    pub async fn run_by_name(&self, name: &str) -> Result<Option<RunRecord>, StoreError> {
        let row = sqlx::query("SELECT id, config FROM runs WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .doing("find the run")?;
        let Some(row) = row else { return Ok(None) };
        let text: String = row.get("config");
        let config = serde_json::from_str(&text)
            .map_err(|_| StoreError::Unknown { what: "a run's settings", value: text })?;
        Ok(Some(RunRecord { id: RunId(row.get("id")), config }))
    }

    /// The last step that is complete.
    pub async fn last_committed_step(&self, run: RunId) -> Result<Option<Step>, StoreError> {
        let query = "SELECT max(step) FROM steps WHERE run = ? AND committed_at IS NOT NULL";
        let step: Option<i64> = sqlx::query_scalar(query)
            .bind(run.0)
            .fetch_one(&self.pool)
            .await
            .doing("find the last step")?;
        Ok(step.map(|step| Step(step.cast_unsigned())))
    }

    /// Enters the problems of a split.
    pub async fn record_problems(
        &self,
        run: RunId,
        split: &str,
        problems: impl Iterator<Item = &Problem>,
    ) -> Result<(), StoreError> {
        let action = "enter the problems";
        let mut transaction = self.begin(action).await?;
        for problem in problems {
            let query = "INSERT INTO problems (run, split, id, text, answer, tags) \
                         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
            let tags = serde_json::to_string(&problem.tags).expect("tags are plain data");
            sqlx::query(query)
                .bind(run.0)
                .bind(split)
                .bind(&problem.id.0)
                .bind(&problem.text)
                .bind(&problem.answer)
                .bind(tags)
                .execute(&mut *transaction)
                .await
                .doing(action)?;
        }
        transaction.commit().await.doing(action)
    }

    async fn begin(
        &self,
        action: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.doing(action)
    }
}

#[cfg(test)]
mod tests;
