//! Steps in the log: begun, hinted, committed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retrial_lte::{GroupOutcome, SecondTrial};
use retrial_protocol::{Step, WeightVersion};
use sqlx::SqliteConnection;

use super::{RunId, Store, StoreError};
use crate::domain::ProblemId;

/// What the log keeps of a step beside its rollouts and hints.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Its groups.
    pub groups: Vec<GroupRecord>,
    /// The version that it made.
    pub weights: PushRecord,
    /// Its numbers, by name.
    pub metrics: Vec<(&'static str, f64)>,
}

/// A group's outcome.
#[derive(Clone, Debug)]
pub struct GroupRecord {
    /// The problem.
    pub problem: ProblemId,
    /// After the first trial.
    pub before: GroupOutcome,
    /// Of the refined group.
    pub after: GroupOutcome,
    /// What was replaced by what.
    pub replacements: Vec<Replacement>,
}

/// A failure of the first trial and the extra rollout in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Position in the first trial.
    pub first: u32,
    /// Position in the second trial.
    pub extra: u32,
}

/// A version that the servers were seen to serve.
#[derive(Clone, Debug)]
pub struct PushRecord {
    /// The version.
    pub version: WeightVersion,
    /// Its folder.
    pub folder: PathBuf,
    /// Largest difference of a probe token's log-probability, nats.
    pub max_difference: Option<f64>,
}

impl Store {
    /// Enters a step and its problems.
    pub async fn begin_step(
        &self,
        run: RunId,
        step: Step,
        problems: &[ProblemId],
    ) -> Result<(), StoreError> {
        self.write("begin a step in", async |db| {
            sqlx::query("INSERT INTO steps (run, step) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(run.0)
                .bind(step.0.cast_signed())
                .execute(&mut *db)
                .await?;
            for problem in problems {
                let query = "INSERT INTO groups (run, step, problem) VALUES (?, ?, ?) \
                             ON CONFLICT DO NOTHING";
                sqlx::query(query)
                    .bind(run.0)
                    .bind(step.0.cast_signed())
                    .bind(&problem.0)
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// Logs how a problem's second trial is asked for.
    pub async fn log_hint(
        &self,
        run: RunId,
        step: Step,
        problem: &ProblemId,
        trial: &SecondTrial,
        prompt: &str,
    ) -> Result<(), StoreError> {
        let query = "INSERT INTO hints (run, step, problem, kind, answers, prompt) \
                     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let answers = serde_json::to_string(&trial.answers).expect("answers are plain data");
        self.write("log a hint in", async |db| {
            sqlx::query(query)
                .bind(run.0)
                .bind(step.0.cast_signed())
                .bind(&problem.0)
                .bind(trial.kind.as_str())
                .bind(answers)
                .bind(prompt)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }

    /// Commits a step: outcomes, replacements, weight version and metrics.
    pub async fn commit_step(
        &self,
        run: RunId,
        step: Step,
        record: &StepRecord,
    ) -> Result<(), StoreError> {
        self.write("commit a step to", async |db| {
            for group in &record.groups {
                write_group(db, run, step, group).await?;
            }
            for (name, value) in &record.metrics {
                let query = "INSERT INTO step_metrics (run, step, name, value) \
                             VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
                sqlx::query(query)
                    .bind(run.0)
                    .bind(step.0.cast_signed())
                    .bind(name)
                    .bind(value)
                    .execute(&mut *db)
                    .await?;
            }
            let PushRecord { version, folder, max_difference } = &record.weights;
            let query = "INSERT INTO weights (run, version, folder, max_difference) \
                         VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
            sqlx::query(query)
                .bind(run.0)
                .bind(version.0.cast_signed())
                .bind(folder.display().to_string())
                .bind(max_difference)
                .execute(&mut *db)
                .await?;
            let query = "UPDATE steps SET committed_at = strftime('%Y-%m-%dT%H:%M:%fZ') \
                         WHERE run = ? AND step = ? AND committed_at IS NULL";
            sqlx::query(query).bind(run.0).bind(step.0.cast_signed()).execute(db).await?;
            Ok(())
        })
        .await
    }

    /// The sum of each metric over all steps.
    pub async fn metric_sums(&self, run: RunId) -> Result<BTreeMap<String, f64>, StoreError> {
        let query = "SELECT name, total(value) FROM step_metrics WHERE run = ? GROUP BY name";
        self.read("add up metrics in", async |db| {
            let sums: Vec<(String, f64)> = sqlx::query_as(query).bind(run.0).fetch_all(db).await?;
            Ok(sums.into_iter().collect())
        })
        .await
    }
}

async fn write_group(
    db: &mut SqliteConnection,
    run: RunId,
    step: Step,
    group: &GroupRecord,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE groups SET before = ?, after = ? WHERE run = ? AND step = ? AND problem = ?",
    )
    .bind(group.before.as_str())
    .bind(group.after.as_str())
    .bind(run.0)
    .bind(step.0.cast_signed())
    .bind(&group.problem.0)
    .execute(&mut *db)
    .await?;
    for replacement in &group.replacements {
        let query = "INSERT INTO replacements (run, step, problem, failure, extra) \
                     VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        sqlx::query(query)
            .bind(run.0)
            .bind(step.0.cast_signed())
            .bind(&group.problem.0)
            .bind(replacement.first)
            .bind(replacement.extra)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
