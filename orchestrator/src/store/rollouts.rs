//! Graded rollouts in the log.

use std::collections::HashMap;

use retrial_grader::Answer;
use retrial_protocol::{Step, WeightVersion};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{RunId, Store, StoreError, codec};
use crate::domain::{GradedRollout, ProblemId, Rollout, Trial};

/// What the log has of a step, by problem and trial: groups are whole or absent.
pub type LoggedRollouts = HashMap<(ProblemId, Trial), Vec<GradedRollout>>;

const INSERT_ROLLOUT: &str = "INSERT INTO rollouts \
    (run, step, problem, trial, position, verdict, answer, canonical, finish, prompt_tokens, \
     tokens, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const INSERT_RESPONSE: &str = "INSERT INTO responses \
    (run, step, problem, trial, position, text, token_ids, logprobs) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const SELECT: &str = "SELECT problem, trial, position, verdict, answer, canonical, finish, \
    version, text, token_ids, logprobs \
    FROM rollouts JOIN responses USING (run, step, problem, trial, position) \
    WHERE run = ? AND step = ? ORDER BY problem, trial, position";

impl Store {
    /// Logs the graded rollouts of a problem in a trial.
    pub async fn log_rollouts(
        &self,
        run: RunId,
        step: Step,
        problem: &ProblemId,
        trial: Trial,
        prompt_tokens: usize,
        group: &[GradedRollout],
    ) -> Result<(), StoreError> {
        self.write("log rollouts in", async |db| {
            for GradedRollout { rollout, verdict, answer } in group {
                sqlx::query(INSERT_ROLLOUT)
                    .bind(run.0)
                    .bind(step.0.cast_signed())
                    .bind(&problem.0)
                    .bind(trial.as_str())
                    .bind(rollout.index)
                    .bind(verdict.as_str())
                    .bind(answer.as_ref().map(|answer| &answer.text))
                    .bind(answer.as_ref().map(|answer| &answer.canonical))
                    .bind(rollout.finish.as_str())
                    .bind(prompt_tokens as i64)
                    .bind(rollout.tokens.len() as i64)
                    .bind(rollout.version.0.cast_signed())
                    .execute(&mut *db)
                    .await?;
                sqlx::query(INSERT_RESPONSE)
                    .bind(run.0)
                    .bind(step.0.cast_signed())
                    .bind(&problem.0)
                    .bind(trial.as_str())
                    .bind(rollout.index)
                    .bind(&rollout.text)
                    .bind(codec::ids_to_blob(&rollout.tokens))
                    .bind(codec::floats_to_blob(&rollout.logprobs))
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// The rollouts of a step that are in the log.
    pub async fn logged_rollouts(
        &self,
        run: RunId,
        step: Step,
    ) -> Result<LoggedRollouts, StoreError> {
        self.read("read rollouts from", async |db| {
            let query = sqlx::query(SELECT).bind(run.0).bind(step.0.cast_signed());
            let mut logged = LoggedRollouts::new();
            for row in &query.fetch_all(db).await? {
                let trial = codec::trial(row.try_get("trial")?)?;
                let version = WeightVersion(row.try_get::<i64, _>("version")?.cast_unsigned());
                let key = (ProblemId(row.try_get("problem")?), trial);
                logged.entry(key).or_default().push(graded(row, version)?);
            }
            Ok(logged)
        })
        .await
    }
}

/// A graded rollout out of a row that has its columns.
pub(super) fn graded(row: &SqliteRow, version: WeightVersion) -> sqlx::Result<GradedRollout> {
    let answer: Option<String> = row.try_get("answer")?;
    let canonical: Option<String> = row.try_get("canonical")?;
    Ok(GradedRollout {
        rollout: Rollout {
            index: row.try_get("position")?,
            tokens: codec::ids_from_blob(row.try_get("token_ids")?)?,
            logprobs: codec::floats_from_blob(row.try_get("logprobs")?)?,
            text: row.try_get("text")?,
            finish: codec::finish(row.try_get("finish")?)?,
            version,
        },
        verdict: codec::verdict(row.try_get("verdict")?)?,
        answer: answer.zip(canonical).map(|(text, canonical)| Answer { text, canonical }),
    })
}
