//! Runs in the log: their settings, their problems, their progress.

use std::borrow::Borrow;

use retrial_domain::Problem;
use retrial_lte::Method;
use retrial_protocol::Step;
use sqlx::Row;

use crate::error::unknown;
use crate::{Store, StoreError};

/// The key of a run in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(pub(crate) i64);

/// A new run.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Unique in the log.
    pub name: String,
    /// The method.
    pub method: Method,
    /// The random seed.
    pub seed: u64,
    /// The initial model: its folder, or its name on the hub with the commit.
    pub model: String,
    /// The settings that decide its result.
    pub config: serde_json::Value,
}

/// A run in the log.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its key.
    pub id: RunId,
    /// Its settings.
    pub config: serde_json::Value,
}

impl Store {
    /// Inserts a new run.
    pub async fn create_run(&self, run: &NewRun) -> Result<RunId, StoreError> {
        let query = "INSERT INTO runs (name, method, seed, model, config) VALUES (?, ?, ?, ?, ?)";
        self.write("enter the run in", async |db| {
            let done = sqlx::query(query)
                .bind(&run.name)
                .bind(run.method.to_string())
                .bind(run.seed.cast_signed())
                .bind(&run.model)
                .bind(run.config.to_string())
                .execute(db)
                .await?;
            Ok(RunId(done.last_insert_rowid()))
        })
        .await
    }

    /// The run of this name, if there is one.
    pub async fn run_by_name(&self, name: &str) -> Result<Option<RunRecord>, StoreError> {
        let query = "SELECT id, config FROM runs WHERE name = ?";
        self.read("find the run in", async |db| {
            let Some(row) = sqlx::query(query).bind(name).fetch_optional(db).await? else {
                return Ok(None);
            };
            let text: &str = row.try_get("config")?;
            let config =
                serde_json::from_str(text).map_err(|_| unknown("the run's settings", text))?;
            Ok(Some(RunRecord { id: RunId(row.try_get("id")?), config }))
        })
        .await
    }

    /// When the run began, as in the log (UTC).
    pub async fn started_at(&self, run: RunId) -> Result<String, StoreError> {
        let query = "SELECT started_at FROM runs WHERE id = ?";
        self.read("find the run's start in", async |db| {
            sqlx::query_scalar(query).bind(run.0).fetch_one(db).await
        })
        .await
    }

    /// The last step that is complete.
    pub async fn last_committed_step(&self, run: RunId) -> Result<Option<Step>, StoreError> {
        let query = "SELECT max(step) FROM steps WHERE run = ? AND committed_at IS NOT NULL";
        self.read("find the last step in", async |db| {
            let step: Option<i64> = sqlx::query_scalar(query).bind(run.0).fetch_one(db).await?;
            Ok(step.map(|step| Step(step.cast_unsigned())))
        })
        .await
    }

    /// Inserts the problems of a split.
    pub async fn record_problems(
        &self,
        run: RunId,
        split: &str,
        problems: impl Iterator<Item = impl Borrow<Problem>>,
    ) -> Result<(), StoreError> {
        let query = "INSERT INTO problems (run, split, id, text, answer, tags) \
                     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        self.write("enter the problems in", async |db| {
            for problem in problems {
                let problem = problem.borrow();
                let tags = serde_json::to_string(&problem.tags).expect("tags are plain data");
                sqlx::query(query)
                    .bind(run.0)
                    .bind(split)
                    .bind(&problem.id.0)
                    .bind(&problem.text)
                    .bind(&problem.answer)
                    .bind(tags)
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }
}
