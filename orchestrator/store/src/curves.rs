//! What changes over the steps of a run: scores, metrics, problems without a solution.

use std::collections::BTreeMap;

use retrial_domain::Score;
use retrial_protocol::{Step, WeightVersion};
use sqlx::Row;

use crate::{RunId, Store, StoreError};

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

    /// The numbers of a run's committed steps by their names, a step and a value each; and what had
    /// come together by then: `solved` and `unsolved` problems, with or without a hint, `rescued`
    /// ones, and `graduated` ones, which were rescued once and solved without a hint later.
    pub async fn series(
        &self,
        run: RunId,
    ) -> Result<BTreeMap<String, Vec<(Step, f64)>>, StoreError> {
        let metrics = "SELECT name, step, value FROM step_metrics \
                       JOIN steps USING (run, step) \
                       WHERE run = ? AND committed_at IS NOT NULL AND value IS NOT NULL \
                       ORDER BY step";
        let totals = "WITH totals AS MATERIALIZED ( \
                          SELECT step, sum(new_problems) OVER so_far AS problems, \
                                 sum(new_solved) OVER so_far AS solved, \
                                 sum(new_rescued) OVER so_far AS rescued, \
                                 sum(new_graduations) OVER so_far AS graduated \
                          FROM steps WHERE run = ? AND committed_at IS NOT NULL \
                          WINDOW so_far AS (ORDER BY step)) \
                      SELECT 'solved', step, solved * 1.0 FROM totals UNION ALL \
                      SELECT 'unsolved', step, (problems - solved) * 1.0 FROM totals UNION ALL \
                      SELECT 'rescued', step, rescued * 1.0 FROM totals UNION ALL \
                      SELECT 'graduated', step, graduated * 1.0 FROM totals ORDER BY 2";
        self.read("read the curves of", async |db| {
            let mut series: BTreeMap<String, Vec<(Step, f64)>> = BTreeMap::new();
            for query in [metrics, totals] {
                let rows: Vec<(String, i64, f64)> =
                    sqlx::query_as(query).bind(run.0).fetch_all(&mut *db).await?;
                for (name, step, value) in rows {
                    series.entry(name).or_default().push((Step(step.cast_unsigned()), value));
                }
            }
            Ok(series)
        })
        .await
    }
}
