//! The runs of a log.

use retrial_lte::Method;
use retrial_protocol::Metric;
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use utoipa::ToSchema;

use crate::error::ReadError;
use crate::reader::View;
use crate::row::{Column as _, from_row};
use crate::word;

/// A run of the log.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// Its key in the log.
    pub(crate) id: i64,
    /// Its name.
    pub name: String,
    /// Folder of the initial model.
    pub model: String,
    /// The settings that decide its result.
    pub config: Value,
}

/// A run in the list of runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunLine {
    /// Its name.
    pub name: String,
    /// Its method.
    #[serde(serialize_with = "word::write")]
    #[schema(value_type = String)]
    pub method: Method,
    /// When it began.
    pub started_at: String,
    /// Steps that are complete.
    pub steps: u64,
    /// Reward of the last step's first trial: the share of correct un-hinted rollouts.
    pub reward: Option<f64>,
    /// Held-out sets with Pass@1 at their last evaluation: `name 0.938, ...`.
    pub held_out: Option<String>,
    /// Seconds since 1970 of the last entry.
    pub last_change: Option<f64>,
}

from_row!(RunLine { name, method, started_at, steps, reward, held_out, last_change });

/// Size of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogSize {
    /// Bytes of the file, without the files beside it.
    pub bytes: u64,
    /// Free bytes in it, which are reused before it grows.
    pub free_bytes: u64,
    /// Runs.
    pub runs: u64,
    /// Rollouts of committed steps.
    pub rollouts: u64,
    /// Failed ones of them.
    pub failures: u64,
    /// Distinct wrong answers.
    pub mistakes: u64,
}

from_row!(LogSize { bytes, free_bytes, runs, rollouts, failures, mistakes });

const RUN: &str = "SELECT id, name, model, config FROM runs WHERE name = ?";

const LINES: &str = "SELECT name, method, started_at,
    (SELECT count(*) FROM steps WHERE run = runs.id AND committed_at IS NOT NULL) AS steps,
    (SELECT value FROM step_metrics WHERE run = runs.id AND name = ?1
     ORDER BY step DESC LIMIT 1) AS reward,
    (SELECT group_concat(split || ' ' || printf('%.3f', pass_at_1), ', ' ORDER BY split)
     FROM (SELECT split, pass_at_1, max(version) FROM evaluations WHERE run = runs.id
           GROUP BY split)) AS held_out,
    (SELECT unixepoch(max(at), 'subsec') FROM (
        SELECT max(begun_at) AS at FROM steps WHERE run = runs.id
        UNION ALL SELECT max(committed_at) FROM steps WHERE run = runs.id
        UNION ALL SELECT max(evaluated_at) FROM evaluations WHERE run = runs.id
        UNION ALL SELECT runs.started_at)) AS last_change
    FROM runs ORDER BY id DESC LIMIT 200";

impl View<'_> {
    /// All runs, the latest first.
    pub async fn runs(&mut self) -> Result<Vec<RunLine>, ReadError> {
        let reward = Metric::FirstTrialPassRate.name();
        Ok(sqlx::query_as(LINES).bind(reward).fetch_all(&mut *self.db).await?)
    }

    /// The names of all runs, the oldest first.
    pub async fn run_names(&mut self) -> Result<Vec<String>, ReadError> {
        let query = "SELECT name FROM runs ORDER BY id";
        Ok(sqlx::query_scalar(query).fetch_all(&mut *self.db).await?)
    }

    /// Size of the log.
    pub async fn size(&mut self) -> Result<LogSize, ReadError> {
        Ok(sqlx::query_as("SELECT * FROM log_size").fetch_one(&mut *self.db).await?)
    }

    /// The name of the latest run.
    pub async fn latest_run(&mut self) -> Result<Option<String>, ReadError> {
        let query = "SELECT name FROM runs ORDER BY id DESC LIMIT 1";
        Ok(sqlx::query_scalar(query).fetch_optional(&mut *self.db).await?)
    }

    /// The run of this name.
    pub async fn run(&mut self, name: &str) -> Result<RunInfo, ReadError> {
        let row = sqlx::query(RUN).bind(name).fetch_optional(&mut *self.db).await?;
        let row = row.ok_or_else(|| ReadError::not_found(format!("run `{name}` in this log")))?;
        Ok(info(&row)?)
    }
}

fn info(row: &SqliteRow) -> sqlx::Result<RunInfo> {
    let config = String::read(row, "config")?;
    Ok(RunInfo {
        id: i64::read(row, "id")?,
        name: String::read(row, "name")?,
        model: String::read(row, "model")?,
        config: serde_json::from_str(&config).unwrap_or(Value::String(config)),
    })
}
