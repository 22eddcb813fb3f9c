//! Progress of a run, from its log.

use retrial_protocol::Metric;

use super::runs::RunInfo;
use crate::error::ReadError;
use crate::reader::View;
use crate::row::from_row;

/// Progress of a run.
#[derive(Clone, Debug)]
pub struct RunNumbers {
    /// The latest step.
    pub begun: Option<u64>,
    /// The last step that is complete; 0 before the first.
    pub committed: u64,
    /// The last version that was served.
    pub version: Option<u64>,
    /// Seconds between commits, over the last steps.
    pub step_seconds: Option<f64>,
    /// Sampled tokens a second of rollouts, over the last steps.
    pub tokens_per_second: Option<f64>,
    /// Seconds since 1970 of the last entry that has a time.
    pub changed: Option<f64>,
}

from_row!(RunNumbers { begun, committed, version, step_seconds, tokens_per_second, changed });

/// Over the last ten steps. `?2` and `?3` are the tokens of both trials, `?4` and `?5` their seconds.
const NUMBERS: &str = "WITH last AS (
    SELECT step, committed_at FROM steps WHERE run = ?1 AND committed_at IS NOT NULL
    ORDER BY step DESC LIMIT 10
), spent AS (
    SELECT sum(value) FILTER (WHERE name IN (?2, ?3)) AS tokens,
           sum(value) FILTER (WHERE name IN (?4, ?5)) AS seconds
    FROM step_metrics WHERE run = ?1 AND step >= (SELECT min(step) FROM last)
)
SELECT (SELECT max(step) FROM steps WHERE run = ?1) AS begun,
       (SELECT coalesce(max(step), 0) FROM last) AS committed,
       (SELECT max(version) FROM weights WHERE run = ?1) AS version,
       (SELECT (unixepoch(max(committed_at), 'subsec') - unixepoch(min(committed_at), 'subsec'))
               / nullif(count(*) - 1, 0) FROM last) AS step_seconds,
       (SELECT tokens / nullif(seconds, 0) FROM spent) AS tokens_per_second,
       (SELECT unixepoch(max(at), 'subsec') FROM (
            SELECT max(begun_at) AS at FROM steps WHERE run = ?1
            UNION ALL SELECT max(committed_at) FROM steps WHERE run = ?1
            UNION ALL SELECT max(evaluated_at) FROM evaluations WHERE run = ?1
            UNION ALL SELECT started_at FROM runs WHERE id = ?1)) AS changed";

impl View<'_> {
    /// The progress of a run.
    pub async fn run_numbers(&mut self, run: &RunInfo) -> Result<RunNumbers, ReadError> {
        Ok(sqlx::query_as(NUMBERS)
            .bind(run.id)
            .bind(Metric::FirstTrialTokens.name())
            .bind(Metric::SecondTrialTokens.name())
            .bind(Metric::FirstTrialSeconds.name())
            .bind(Metric::SecondTrialSeconds.name())
            .fetch_one(&mut *self.db)
            .await?)
    }
}
