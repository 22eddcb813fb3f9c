//! Steps in the log: begun, hinted, committed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retrial_lte::{GroupOutcome, SecondTrial};
use retrial_protocol::{Step, WeightVersion};
use sqlx::Row;

use super::error::Doing;
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
        let action = "begin a step";
        let mut transaction = self.begin(action).await?;
        sqlx::query("INSERT INTO steps (run, step) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(run.0)
            .bind(step.0.cast_signed())
            .execute(&mut *transaction)
            .await
            .doing(action)?;
        for problem in problems {
            let query = "INSERT INTO groups (run, step, problem) VALUES (?, ?, ?) \
                         ON CONFLICT DO NOTHING";
            sqlx::query(query)
                .bind(run.0)
                .bind(step.0.cast_signed())
                .bind(&problem.0)
                .execute(&mut *transaction)
                .await
                .doing(action)?;
        }
        transaction.commit().await.doing(action)
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
        sqlx::query(query)
            .bind(run.0)
            .bind(step.0.cast_signed())
            .bind(&problem.0)
            .bind(trial.kind.as_str())
            .bind(answers)
            .bind(prompt)
            .execute(&self.pool)
            .await
            .doing("log a hint")?;
        Ok(())
    }

    /// Commits a step: outcomes, replacements, weight version and metrics, all or none.
    pub async fn commit_step(
        &self,
        run: RunId,
        step: Step,
        record: &StepRecord,
    ) -> Result<(), StoreError> {
        let action = "commit a step";
        let number = step.0.cast_signed();
        let mut transaction = self.begin(action).await?;
        for group in &record.groups {
            let query = "UPDATE groups SET before = ?, after = ? \
                         WHERE run = ? AND step = ? AND problem = ?";
            sqlx::query(query)
                .bind(group.before.as_str())
                .bind(group.after.as_str())
                .bind(run.0)
                .bind(number)
                .bind(&group.problem.0)
                .execute(&mut *transaction)
                .await
                .doing(action)?;
            for replacement in &group.replacements {
                let query = "INSERT INTO replacements (run, step, problem, failure, extra) \
                             VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
                sqlx::query(query)
                    .bind(run.0)
                    .bind(number)
                    .bind(&group.problem.0)
                    .bind(replacement.first)
                    .bind(replacement.extra)
                    .execute(&mut *transaction)
                    .await
                    .doing(action)?;
            }
        }
        for (name, value) in &record.metrics {
            let query = "INSERT INTO step_metrics (run, step, name, value) VALUES (?, ?, ?, ?) \
                         ON CONFLICT DO NOTHING";
            sqlx::query(query)
                .bind(run.0)
                .bind(number)
                .bind(name)
                .bind(value)
                .execute(&mut *transaction)
                .await
                .doing(action)?;
        }
        let PushRecord { version, folder, max_difference } = &record.weights;
        let query = "INSERT INTO weights (run, version, folder, max_difference) \
                     VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        sqlx::query(query)
            .bind(run.0)
            .bind(version.0.cast_signed())
            .bind(folder.display().to_string())
            .bind(max_difference)
            .execute(&mut *transaction)
            .await
            .doing(action)?;
        let query = "UPDATE steps SET committed_at = strftime('%Y-%m-%dT%H:%M:%fZ') \
                     WHERE run = ? AND step = ? AND committed_at IS NULL";
        sqlx::query(query)
            .bind(run.0)
            .bind(number)
            .execute(&mut *transaction)
            .await
            .doing(action)?;
        transaction.commit().await.doing(action)
    }

    /// The sum of each metric over all steps.
    pub async fn metric_sums(&self, run: RunId) -> Result<BTreeMap<String, f64>, StoreError> {
        let query =
            "SELECT name, sum(value) AS total FROM step_metrics WHERE run = ? GROUP BY name";
        let rows =
            sqlx::query(query).bind(run.0).fetch_all(&self.pool).await.doing("add up metrics")?;
        Ok(rows.iter().map(|row| (row.get("name"), row.get("total"))).collect())
    }
}
