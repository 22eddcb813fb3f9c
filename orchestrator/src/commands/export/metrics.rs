//! The numbers of the steps, a line a step.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;
use sqlx::SqlitePool;

/// The numbers of a step. The scores of a version stand with the step that made it.
#[derive(Debug, Serialize)]
pub struct Line {
    run: String,
    step: i64,
    metrics: BTreeMap<String, f64>,
}

const QUERY: &str = "SELECT runs.id, runs.name, found.step, found.name, found.value
    FROM runs
    JOIN (
        SELECT run, step, name, value FROM step_metrics
        UNION ALL
        SELECT run, version, 'held_out/' || split || '/' || score, value FROM (
            SELECT run, version, split, 'pass_at_1' AS score, pass_at_1 AS value FROM evaluations
            UNION ALL
            SELECT run, version, split, 'pass_at_' || k, pass_at_k FROM evaluations WHERE k > 1
        )
    ) AS found ON found.run = runs.id
    WHERE found.value IS NOT NULL
      AND (?1 = '[]' OR runs.name IN (SELECT value FROM json_each(?1)))
    ORDER BY runs.id, found.step";

/// The numbers of runs, or of all runs.
pub async fn steps(log: &SqlitePool, runs: &[String]) -> Result<Vec<Line>> {
    let rows: Vec<(i64, String, i64, String, f64)> = sqlx::query_as(QUERY)
        .bind(serde_json::to_string(runs)?)
        .fetch_all(log)
        .await
        .context("cannot read the log")?;
    let mut steps: BTreeMap<(i64, i64), Line> = BTreeMap::new();
    for (id, run, step, name, value) in rows {
        let of_step = || Line { run, step, metrics: BTreeMap::new() };
        steps.entry((id, step)).or_insert_with(of_step).metrics.insert(name, value);
    }
    Ok(steps.into_values().collect())
}
