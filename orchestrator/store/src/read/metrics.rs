//! The metrics of the steps.

use std::collections::BTreeMap;

use serde::Serialize;

use super::failures::names;
use crate::error::ReadError;
use crate::reader::View;

/// The metrics of a step. The scores of a version are with the step that made it.
#[derive(Debug, Serialize)]
pub struct StepMetrics {
    /// The run's name.
    pub run: String,
    /// The step.
    pub step: i64,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
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

impl View<'_> {
    /// The metrics of the steps of runs, or of all runs.
    pub async fn step_metrics(&mut self, runs: &[String]) -> Result<Vec<StepMetrics>, ReadError> {
        let query = sqlx::query_as(QUERY).bind(names(runs));
        let rows: Vec<(i64, String, i64, String, f64)> = query.fetch_all(&mut *self.db).await?;
        let mut steps: BTreeMap<(i64, i64), StepMetrics> = BTreeMap::new();
        for (id, run, step, name, value) in rows {
            let of_step = || StepMetrics { run, step, metrics: BTreeMap::new() };
            steps.entry((id, step)).or_insert_with(of_step).metrics.insert(name, value);
        }
        Ok(steps.into_values().collect())
    }
}
