//! Curves over the steps of a run: scores, metrics, unsolved problems.

use std::collections::BTreeMap;

use retrial_domain::Score;
use retrial_protocol::{Step, WeightVersion};
use sqlx::Row;

use crate::{RunId, Store, StoreError};

/// Cumulative counts of a run's problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Solved, with or without a hint.
    Solved,
    /// Never solved.
    Unsolved,
    /// Rescued by a second trial.
    Rescued,
    /// Rescued once, and solved without a hint later.
    Graduated,
}

impl Total {
    const ALL: [Self; 4] = [Self::Solved, Self::Unsolved, Self::Rescued, Self::Graduated];

    /// Its name in [`Store::series`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Unsolved => "unsolved",
            Self::Rescued => "rescued",
            Self::Graduated => "graduated",
        }
    }
}

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

    /// The metrics of a run's committed steps by name, as pairs of step and value,
    /// and the cumulative counts ([`Total`]).
    pub async fn series(
        &self,
        run: RunId,
    ) -> Result<BTreeMap<String, Vec<(Step, f64)>>, StoreError> {
        let metrics = "SELECT name, step, value FROM step_metrics \
                       JOIN steps USING (run, step) \
                       WHERE run = ? AND committed_at IS NOT NULL AND value IS NOT NULL \
                       ORDER BY step";
        let totals = "SELECT step, problems - solved AS unsolved, solved, rescued, graduated FROM ( \
                          SELECT step, sum(new_problems) OVER so_far AS problems, \
                                 sum(new_solved) OVER so_far AS solved, \
                                 sum(new_rescued) OVER so_far AS rescued, \
                                 sum(new_graduations) OVER so_far AS graduated \
                          FROM steps WHERE run = ? AND committed_at IS NOT NULL \
                          WINDOW so_far AS (ORDER BY step)) ORDER BY step";
        self.read("read the curves of", async |db| {
            let mut series: BTreeMap<String, Vec<(Step, f64)>> = BTreeMap::new();
            let rows: Vec<(String, i64, f64)> =
                sqlx::query_as(metrics).bind(run.0).fetch_all(&mut *db).await?;
            for (name, step, value) in rows {
                series.entry(name).or_default().push((Step(step.cast_unsigned()), value));
            }
            for row in sqlx::query(totals).bind(run.0).fetch_all(&mut *db).await? {
                let step = Step(row.try_get::<i64, _>("step")?.cast_unsigned());
                for total in Total::ALL {
                    let value: Option<i64> = row.try_get(total.name())?;
                    let points = series.entry(total.name().to_owned()).or_default();
                    points.extend(value.map(|value| (step, value as f64)));
                }
            }
            Ok(series)
        })
        .await
    }
}
