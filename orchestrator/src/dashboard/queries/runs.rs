//! The runs of a log.

use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, Row, SqliteConnection};
use utoipa::ToSchema;

use crate::dashboard::problem::Problem;

/// A run of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Run {
    /// Its key in the log.
    #[serde(skip)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `lte`, `grpo`, `grpo_extra` or `gold`.
    pub method: String,
    /// What everything random follows from.
    pub seed: u64,
    /// Folder of the model it began with.
    pub model: String,
    /// When it began.
    pub started_at: String,
    /// The settings that decide its result.
    pub config: Value,
}

/// A run in the list of runs.
#[derive(Clone, Debug, Serialize, FromRow, ToSchema)]
pub struct RunLine {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: String,
    /// When it began.
    pub started_at: String,
    /// Steps that are complete.
    pub steps: i64,
    /// Reward of the last step's first trial: the share of correct un-hinted rollouts.
    pub reward: Option<f64>,
    /// Held-out sets with Pass@1 at their last evaluation: `name 0.938, ...`.
    pub held_out: Option<String>,
    /// Seconds since 1970 of the last entry.
    pub last_change: Option<f64>,
}

/// How large the log is.
#[derive(Clone, Debug, Serialize, FromRow, ToSchema)]
pub struct LogSize {
    /// Bytes of the file, without what waits beside it.
    pub bytes: i64,
    /// Of these, bytes that are used again before it grows.
    pub free_bytes: i64,
    /// Runs.
    pub runs: i64,
    /// Rollouts of committed steps.
    pub rollouts: i64,
    /// Failed ones of them.
    pub failures: i64,
    /// Different wrong answers.
    pub mistakes: i64,
}

const RUN: &str = "SELECT id, name, method, seed, model, started_at, config FROM runs";

/// When a run's log last changed, by what has a time.
pub const LAST_CHANGE: &str = "SELECT unixepoch(max(at), 'subsec') FROM (
    SELECT max(begun_at) AS at FROM steps WHERE run = ?1
    UNION ALL SELECT max(committed_at) FROM steps WHERE run = ?1
    UNION ALL SELECT max(evaluated_at) FROM evaluations WHERE run = ?1
    UNION ALL SELECT started_at FROM runs WHERE id = ?1)";

const LINES: &str = "SELECT name, method, started_at,
    (SELECT count(*) FROM steps WHERE run = runs.id AND committed_at IS NOT NULL) AS steps,
    (SELECT value FROM step_metrics WHERE run = runs.id AND name = 'first_trial_pass_rate'
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

/// All runs, the latest first.
pub async fn list(db: &mut SqliteConnection) -> Result<Vec<RunLine>, Problem> {
    Ok(sqlx::query_as(LINES).fetch_all(db).await?)
}

/// How large the log is.
pub async fn size(db: &mut SqliteConnection) -> Result<LogSize, Problem> {
    Ok(sqlx::query_as("SELECT * FROM log_size").fetch_one(db).await?)
}

/// The name of the run that began last.
pub async fn latest(db: &mut SqliteConnection) -> Result<Option<String>, Problem> {
    Ok(sqlx::query_scalar("SELECT name FROM runs ORDER BY id DESC LIMIT 1")
        .fetch_optional(db)
        .await?)
}

/// The run of this name.
pub async fn find(db: &mut SqliteConnection, name: &str) -> Result<Run, Problem> {
    let query = sqlx::AssertSqlSafe(format!("{RUN} WHERE name = ?"));
    let row = sqlx::query(query).bind(name).fetch_optional(db).await?;
    let row = row.ok_or_else(|| Problem::not_found(format!("run `{name}` in this log")))?;
    let config: String = row.try_get("config")?;
    Ok(Run {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        method: row.try_get("method")?,
        seed: row.try_get::<i64, _>("seed")?.cast_unsigned(),
        model: row.try_get("model")?,
        started_at: row.try_get("started_at")?,
        config: serde_json::from_str(&config).unwrap_or(Value::String(config)),
    })
}
