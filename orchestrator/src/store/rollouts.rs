//! Graded rollouts in the log.

use std::collections::HashMap;

use retrial_grader::Answer;
use retrial_protocol::{Step, WeightVersion};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::Doing;
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
    /// Logs the graded rollouts of a problem in a trial, all or none.
    pub async fn log_rollouts(
        &self,
        run: RunId,
        step: Step,
        problem: &ProblemId,
        trial: Trial,
        prompt_tokens: usize,
        group: &[GradedRollout],
    ) -> Result<(), StoreError> {
        let action = "log rollouts";
        let mut transaction = self.begin(action).await?;
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
                .execute(&mut *transaction)
                .await
                .doing(action)?;
            sqlx::query(INSERT_RESPONSE)
                .bind(run.0)
                .bind(step.0.cast_signed())
                .bind(&problem.0)
                .bind(trial.as_str())
                .bind(rollout.index)
                .bind(&rollout.text)
                .bind(codec::ids_to_blob(&rollout.tokens))
                .bind(codec::floats_to_blob(&rollout.logprobs))
                .execute(&mut *transaction)
                .await
                .doing(action)?;
        }
        transaction.commit().await.doing(action)
    }

    /// The rollouts of a step that are in the log.
    pub async fn logged_rollouts(
        &self,
        run: RunId,
        step: Step,
    ) -> Result<LoggedRollouts, StoreError> {
        let rows = sqlx::query(SELECT)
            .bind(run.0)
            .bind(step.0.cast_signed())
            .fetch_all(&self.pool)
            .await
            .doing("read rollouts")?;
        let mut logged = LoggedRollouts::new();
        for row in &rows {
            let word: &str = row.get("trial");
            let trial = [Trial::First, Trial::Second]
                .into_iter()
                .find(|trial| trial.as_str() == word)
                .ok_or_else(|| StoreError::Unknown { what: "a trial", value: word.into() })?;
            let version = WeightVersion(row.get::<i64, _>("version").cast_unsigned());
            let key = (ProblemId(row.get("problem")), trial);
            logged.entry(key).or_default().push(read(row, version)?);
        }
        Ok(logged)
    }
}

/// A graded rollout out of a row that has its columns.
pub(super) fn read(row: &SqliteRow, version: WeightVersion) -> Result<GradedRollout, StoreError> {
    let answer: Option<String> = row.get("answer");
    let canonical: Option<String> = row.get("canonical");
    let answer = answer.zip(canonical).map(|(text, canonical)| Answer { text, canonical });
    Ok(GradedRollout {
        rollout: Rollout {
            index: row.get("position"),
            tokens: codec::ids_from_blob(row.get("token_ids")),
            logprobs: codec::floats_from_blob(row.get("logprobs")),
            text: row.get("text"),
            finish: codec::finish(row.get("finish"))?,
            version,
        },
        verdict: codec::verdict(row.get("verdict"))?,
        answer,
    })
}
