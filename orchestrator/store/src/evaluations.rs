//! Held-out evaluations in the log.

use retrial_protocol::WeightVersion;
use sqlx::Row;

use crate::{RunId, Store, StoreError, codec, rollouts};
use retrial_domain::{GradedRollout, ProblemId};
use retrial_domain::{Score, standard_errors};

/// An evaluation of one held-out set with one version.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalRecord {
    /// Its result.
    pub score: Score,
    /// The graded samples of each problem, in the order in which they were logged.
    pub samples: Vec<(ProblemId, Vec<GradedRollout>)>,
}

const INSERT_EVALUATION: &str = "INSERT INTO evaluations \
    (run, version, split, k, problems, pass_at_1, pass_at_k, pass_at_1_error, pass_at_k_error) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const INSERT_ROLLOUT: &str = "INSERT INTO evaluation_rollouts \
    (run, version, split, problem, position, verdict, answer, canonical, finish, text, \
     token_ids, logprobs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const SELECT_EVALUATION: &str = "SELECT k, problems, pass_at_1, pass_at_k FROM evaluations \
    WHERE run = ? AND version = ? AND split = ?";

// In the order of writing, which was one transaction: that of the data set.
const SELECT_ROLLOUTS: &str = "SELECT problem, position, verdict, answer, canonical, finish, \
    text, token_ids, logprobs FROM evaluation_rollouts \
    WHERE run = ? AND version = ? AND split = ? ORDER BY rowid";

impl Store {
    /// The evaluation of a version on a held-out set, if it was made.
    pub async fn evaluation(
        &self,
        run: RunId,
        version: WeightVersion,
        split: &str,
    ) -> Result<Option<EvalRecord>, StoreError> {
        self.read("read an evaluation from", async |db| {
            let row = sqlx::query(SELECT_EVALUATION)
                .bind(run.0)
                .bind(version.0.cast_signed())
                .bind(split)
                .fetch_optional(&mut *db)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let score = Score {
                pass_at_1: row.try_get("pass_at_1")?,
                pass_at_k: row.try_get("pass_at_k")?,
                k: row.try_get("k")?,
                problems: row.try_get::<i64, _>("problems")? as usize,
            };
            let rows = sqlx::query(SELECT_ROLLOUTS)
                .bind(run.0)
                .bind(version.0.cast_signed())
                .bind(split)
                .fetch_all(db)
                .await?;
            let mut samples: Vec<(ProblemId, Vec<GradedRollout>)> = Vec::new();
            for row in &rows {
                let id = ProblemId(row.try_get("problem")?);
                let graded = rollouts::graded(row, version)?;
                match samples.last_mut() {
                    Some((last, group)) if *last == id => group.push(graded),
                    _ => samples.push((id, vec![graded])),
                }
            }
            Ok(Some(EvalRecord { score, samples }))
        })
        .await
    }

    /// Logs an evaluation.
    pub async fn log_evaluation(
        &self,
        run: RunId,
        version: WeightVersion,
        split: &str,
        record: &EvalRecord,
    ) -> Result<(), StoreError> {
        let EvalRecord { score, samples } = record;
        let (at_1_error, at_k_error) = standard_errors(samples, score.k);
        self.write("log an evaluation in", async |db| {
            sqlx::query(INSERT_EVALUATION)
                .bind(run.0)
                .bind(version.0.cast_signed())
                .bind(split)
                .bind(score.k)
                .bind(score.problems as i64)
                .bind(score.pass_at_1)
                .bind(score.pass_at_k)
                .bind(at_1_error)
                .bind(at_k_error)
                .execute(&mut *db)
                .await?;
            let samples = samples.iter().flat_map(|(id, group)| group.iter().map(move |g| (id, g)));
            for (id, GradedRollout { rollout, verdict, answer }) in samples {
                sqlx::query(INSERT_ROLLOUT)
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
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }
}
