//! What changes over the steps of a run: scores, metrics, problems without a solution.

use retrial_protocol::WeightVersion;
use sqlx::Row;

use super::{RunId, Store, StoreError};
use crate::evaluate::Score;

impl Store {
    /// All evaluations of a run on a held-out set, in the order of their versions.
    pub async fn scores(
        &self,
        run: RunId,
        split: &str,
    ) -> Result<Vec<(WeightVersion, Score)>, StoreError> {
        let query = "SELECT version, k, problems, pass_at_1, pass_at_k FROM evaluations \
                     WHERE run = ? AND split = ? ORDER BY version";
        self.read("read evaluations from", async |db| {
            let rows = sqlx::query(query).bind(run.0).bind(split).fetch_all(db).await?;
            let score = |row: &sqlx::sqlite::SqliteRow| {
                let score = Score {
                    pass_at_1: row.try_get("pass_at_1")?,
                    pass_at_k: row.try_get("pass_at_k")?,
                    k: row.try_get("k")?,
                    problems: row.try_get::<i64, _>("problems")? as usize,
                };
                Ok((WeightVersion(row.try_get::<i64, _>("version")?.cast_unsigned()), score))
            };
            rows.iter().map(score).collect()
        })
        .await
    }

    /// Problems of a run's committed steps that no rollout has solved, with or without a hint.
    pub async fn unsolved(&self, run: RunId) -> Result<u64, StoreError> {
        let query = "SELECT count(*) FROM problem_tallies \
                     WHERE run = ? AND first_solved_step IS NULL";
        self.read("count unsolved problems in", async |db| {
            let count: i64 = sqlx::query_scalar(query).bind(run.0).fetch_one(db).await?;
            Ok(count.cast_unsigned())
        })
        .await
    }
}
