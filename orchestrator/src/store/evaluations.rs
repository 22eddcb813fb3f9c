//! Held-out evaluations in the log.

use retrial_protocol::WeightVersion;
use sqlx::Row;

use super::error::Doing;
use super::{RunId, Store, StoreError, codec, rollouts};
use crate::domain::{GradedRollout, ProblemId};
use crate::evaluate::Score;

/// An evaluation of one held-out set with one version.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalRecord {
    /// Its result.
    pub score: Score,
    /// The graded samples of each problem.
    pub samples: Vec<(ProblemId, Vec<GradedRollout>)>,
}

impl Store {
    /// The evaluation of a version on a held-out set, if it was made.
    pub async fn evaluation(
        &self,
        run: RunId,
        version: WeightVersion,
        split: &str,
    ) -> Result<Option<EvalRecord>, StoreError> {
        let action = "read an evaluation";
        let query = "SELECT k, problems, pass_at_1, pass_at_k FROM evaluations \
                     WHERE run = ? AND version = ? AND split = ?";
        let row = sqlx::query(query)
            .bind(run.0)
            .bind(version.0.cast_signed())
            .bind(split)
            .fetch_optional(&self.pool)
            .await
            .doing(action)?;
        let Some(row) = row else { return Ok(None) };
        let score = Score {
            pass_at_1: row.get("pass_at_1"),
            pass_at_k: row.get("pass_at_k"),
            k: row.get("k"),
            problems: row.get::<i64, _>("problems") as usize,
        };
        let query = "SELECT * FROM evaluation_rollouts \
                     WHERE run = ? AND version = ? AND split = ? ORDER BY problem, position";
        let rows = sqlx::query(query)
            .bind(run.0)
            .bind(version.0.cast_signed())
            .bind(split)
            .fetch_all(&self.pool)
            .await
            .doing(action)?;
        let mut samples: Vec<(ProblemId, Vec<GradedRollout>)> = Vec::new();
        for row in &rows {
            let id = ProblemId(row.get("problem"));
            let graded = rollouts::read(row, version)?;
            match samples.last_mut() {
                Some((last, group)) if *last == id => group.push(graded),
                _ => samples.push((id, vec![graded])),
            }
        }
        Ok(Some(EvalRecord { score, samples }))
    }

    /// Logs an evaluation, all or nothing.
    pub async fn log_evaluation(
        &self,
        run: RunId,
        version: WeightVersion,
        split: &str,
        record: &EvalRecord,
    ) -> Result<(), StoreError> {
        let action = "log an evaluation";
        let mut transaction = self.begin(action).await?;
        let query = "INSERT INTO evaluations \
                     (run, version, split, k, problems, pass_at_1, pass_at_k) \
                     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        sqlx::query(query)
            .bind(run.0)
            .bind(version.0.cast_signed())
            .bind(split)
            .bind(record.score.k)
            .bind(record.score.problems as i64)
            .bind(record.score.pass_at_1)
            .bind(record.score.pass_at_k)
            .execute(&mut *transaction)
            .await
            .doing(action)?;
        let samples =
            record.samples.iter().flat_map(|(id, group)| group.iter().map(move |one| (id, one)));
        for (id, GradedRollout { rollout, verdict, answer }) in samples {
            let query = "INSERT INTO evaluation_rollouts \
                         (run, version, split, problem, position, verdict, answer, canonical, \
                          finish, text, token_ids, logprobs) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
            sqlx::query(query)
                .bind(run.0)
                .bind(version.0.cast_signed())
                .bind(split)
                .bind(&id.0)
                .bind(rollout.index)
                .bind(verdict.as_str())
                .bind(answer.as_ref().map(|answer| &answer.text))
                .bind(answer.as_ref().map(|answer| &answer.canonical))
                .bind(rollout.finish.as_str())
                .bind(&rollout.text)
                .bind(codec::ids_to_blob(&rollout.tokens))
                .bind(codec::floats_to_blob(&rollout.logprobs))
                .execute(&mut *transaction)
                .await
                .doing(action)?;
        }
        transaction.commit().await.doing(action)
    }
}
