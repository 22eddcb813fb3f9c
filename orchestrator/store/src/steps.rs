//! Steps in the log: begin, hints, commit.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retrial_domain::ProblemId;
use retrial_lte::{GroupOutcome, SecondTrial};
use retrial_protocol::{Metric, Step, WeightVersion};
use serde::Serialize;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::{RunId, Store, StoreError};

/// The prompt of a problem's second trial.
#[derive(Clone, Debug)]
pub struct HintRecord {
    /// The problem.
    pub problem: ProblemId,
    /// The kind of its prompt, and the listed answers.
    pub trial: SecondTrial,
    /// The user message.
    pub prompt: String,
    /// Possible answers of the problem, if they are few and known.
    pub answer_space: Option<usize>,
}

/// The record of a step besides its rollouts and hints.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Its groups.
    pub groups: Vec<GroupRecord>,
    /// The version that it made.
    pub weights: PushRecord,
    /// Its metrics.
    pub metrics: Vec<(Metric, f64)>,
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
    /// The replacements.
    pub replacements: Vec<Replacement>,
}

/// A failure of the first trial and the extra rollout that replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Position in the first trial.
    pub first: u32,
    /// Position in the second trial.
    pub extra: u32,
}

/// A version that the servers serve.
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
    /// Inserts a step and its problems.
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
            let query = "INSERT INTO groups (run, step, problem) \
                         SELECT ?, ?, value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING";
            sqlx::query(query)
                .bind(run.0)
                .bind(step.0.cast_signed())
                .bind(json(problems))
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }

    /// Logs the prompts of a step's second trials.
    pub async fn log_hints(
        &self,
        run: RunId,
        step: Step,
        hints: &[HintRecord],
    ) -> Result<(), StoreError> {
        if hints.is_empty() {
            return Ok(());
        }
        self.write("log hints in", async |db| {
            let mut query = QueryBuilder::new(
                "INSERT INTO hints (run, step, problem, kind, answers, prompt, answer_space) ",
            );
            query.push_values(
                hints,
                |mut row, HintRecord { problem, trial, prompt, answer_space }| {
                    row.push_bind(run.0).push_bind(step.0.cast_signed()).push_bind(&problem.0);
                    row.push_bind(trial.kind.as_str());
                    row.push_bind(json(&trial.answers)).push_bind(prompt);
                    row.push_bind(answer_space.map(|size| size as i64));
                },
            );
            query.push(" ON CONFLICT DO NOTHING").build().execute(db).await?;
            Ok(())
        })
        .await
    }

    /// Commits a step: outcomes, replacements, weight version and metrics. A committed step survives
    /// a power failure.
    pub async fn commit_step(
        &self,
        run: RunId,
        step: Step,
        record: &StepRecord,
    ) -> Result<(), StoreError> {
        self.write("commit a step to", async |db| {
            write_groups(db, run, step, &record.groups).await?;
            if !record.metrics.is_empty() {
                let mut query =
                    QueryBuilder::new("INSERT INTO step_metrics (run, step, name, value) ");
                query.push_values(&record.metrics, |mut row, (metric, value)| {
                    row.push_bind(run.0).push_bind(step.0.cast_signed());
                    row.push_bind(metric.name()).push_bind(value);
                });
                query.push(" ON CONFLICT DO NOTHING").build().execute(&mut *db).await?;
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
            if let Some(characters) = self.success_characters {
                cut_successes(db, run, step, characters).await?;
            }
            let query = "UPDATE steps SET committed_at = strftime('%Y-%m-%dT%H:%M:%fZ') \
                         WHERE run = ? AND step = ? AND committed_at IS NULL";
            sqlx::query(query).bind(run.0).bind(step.0.cast_signed()).execute(db).await?;
            Ok(())
        })
        .await?;
        self.sync().await
    }

    /// Removes an uncommitted step from the log, with its rollouts and hints.
    pub async fn forget_step(&self, run: RunId, step: Step) -> Result<(), StoreError> {
        let query = "DELETE FROM steps WHERE run = ? AND step = ? AND committed_at IS NULL";
        self.write("take a step out of", async |db| {
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

/// A statement runs on another thread: one for all groups.
async fn write_groups(
    db: &mut SqliteConnection,
    run: RunId,
    step: Step,
    groups: &[GroupRecord],
) -> sqlx::Result<()> {
    let outcomes: Vec<_> = groups
        .iter()
        .map(|group| (&group.problem, group.before.as_str(), group.after.as_str()))
        .collect();
    let query = "UPDATE groups SET before = value ->> 1, after = value ->> 2 FROM json_each(?) \
                 WHERE run = ? AND step = ? AND problem = value ->> 0";
    sqlx::query(query)
        .bind(json(&outcomes))
        .bind(run.0)
        .bind(step.0.cast_signed())
        .execute(&mut *db)
        .await?;
    let replacements: Vec<_> = groups
        .iter()
        .flat_map(|group| group.replacements.iter().map(|one| (&group.problem, one)))
        .map(|(problem, one)| (problem, one.first, one.extra))
        .collect();
    let query = "INSERT INTO replacements (run, step, problem, failure, extra) \
                 SELECT ?, ?, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) \
                 WHERE true ON CONFLICT DO NOTHING";
    sqlx::query(query)
        .bind(run.0)
        .bind(step.0.cast_signed())
        .bind(json(&replacements))
        .execute(db)
        .await?;
    Ok(())
}

/// Shortens correct responses that rescued nothing.
async fn cut_successes(
    db: &mut SqliteConnection,
    run: RunId,
    step: Step,
    characters: u32,
) -> sqlx::Result<()> {
    let query = "UPDATE responses \
        SET text = substr(text, 1, ?3), token_ids = x'', logprobs = x'', cut_from = length(text) \
        FROM rollouts \
        WHERE responses.run = ?1 AND responses.step = ?2 AND length(responses.text) > ?3 \
          AND rollouts.run = responses.run AND rollouts.step = responses.step \
          AND rollouts.problem = responses.problem AND rollouts.trial = responses.trial \
          AND rollouts.position = responses.position AND rollouts.verdict = 'correct' \
          AND NOT EXISTS (SELECT 1 FROM replacements \
              WHERE replacements.run = ?1 AND replacements.step = ?2 \
                AND replacements.problem = responses.problem AND responses.trial = 'second' \
                AND replacements.extra = responses.position)";
    let query = sqlx::query(query).bind(run.0).bind(step.0.cast_signed()).bind(characters);
    query.execute(db).await?;
    Ok(())
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("records are plain data")
}
