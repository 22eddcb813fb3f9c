//! What may have gone wrong in the last steps of a run, as counts. Reports judge them.
//!
//! Each query looks at the last steps only, and reaches earlier visits of a problem by index: its time
//! does not grow with the log.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::row::{Column as _, from_row};

/// Steps back from the last one that count as recent.
pub const RECENT_STEPS: u64 = 10;
/// Limit on the rollouts whose verifiers are compared.
const MOST_REWARDS: i64 = 2_000;

/// What may have gone wrong in the last ten steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentTrouble {
    /// Problems that were solved and are no longer.
    pub lost: LostProblems,
    /// Hints that were given before, to no avail.
    pub hints: RepeatedHints,
    /// The rewards of rollouts that several verifiers have judged, by the verifiers' names.
    pub rewards: Vec<BTreeMap<String, f64>>,
}

/// Problems of the last steps that every rollout of an earlier first trial had solved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostProblems {
    /// Such problems.
    pub known: u64,
    /// Those of them that no rollout of a first trial solves any more.
    pub lost: u64,
}

from_row!(LostProblems { known, lost });

/// Hints of the last steps that list wrong answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepeatedHints {
    /// Such hints.
    pub hints: u64,
    /// Those whose problem was given the same list before, without success.
    pub repeated: u64,
    /// A problem that was given such a hint, the last one.
    pub problem: Option<String>,
    /// The step of it.
    pub step: Option<u64>,
}

from_row!(RepeatedHints { hints, repeated, problem, step });

const LOST: &str = "SELECT count(DISTINCT problem) AS known,
    count(DISTINCT iif(before = 'none', problem, NULL)) AS lost
    FROM groups AS now
    WHERE run = ?1 AND step > ?2 AND after IS NOT NULL AND EXISTS (
        SELECT 1 FROM groups AS earlier
        WHERE earlier.run = ?1 AND earlier.problem = now.problem AND earlier.step < now.step
          AND earlier.before = 'all')";

const HINTS: &str = "WITH lately AS (
    SELECT hints.step, hints.problem, EXISTS (
        SELECT 1 FROM groups AS earlier
        CROSS JOIN hints AS old
          ON old.run = ?1 AND old.step = earlier.step AND old.problem = earlier.problem
        WHERE earlier.run = ?1 AND earlier.problem = hints.problem AND earlier.step < hints.step
          AND earlier.after = 'none' AND old.answers = hints.answers) AS repeated
    FROM hints WHERE hints.run = ?1 AND hints.step > ?2 AND hints.answers <> '[]'
), last AS (
    SELECT problem, step FROM lately WHERE repeated ORDER BY step DESC, problem LIMIT 1
)
SELECT count(*) AS hints, coalesce(sum(repeated), 0) AS repeated,
       (SELECT problem FROM last) AS problem, (SELECT step FROM last) AS step
FROM lately";

const REWARDS: &str = "SELECT rewards FROM rollouts
    WHERE run = ?1 AND step > ?2 AND rewards IS NOT NULL LIMIT ?3";

const LAST_STEP: &str =
    "SELECT coalesce(max(step), 0) FROM steps WHERE run = ? AND committed_at IS NOT NULL";

/// Looks at the last steps of a run.
pub async fn read(db: &mut SqliteConnection, run: i64) -> sqlx::Result<RecentTrouble> {
    let last: i64 = sqlx::query_scalar(LAST_STEP).bind(run).fetch_one(&mut *db).await?;
    let after = last - RECENT_STEPS.cast_signed();
    let lost = sqlx::query_as(LOST).bind(run).bind(after).fetch_one(&mut *db).await?;
    let hints = sqlx::query_as(HINTS).bind(run).bind(after).fetch_one(&mut *db).await?;
    let rows =
        sqlx::query(REWARDS).bind(run).bind(after).bind(MOST_REWARDS).fetch_all(&mut *db).await?;
    let rewards =
        rows.iter().map(|row| BTreeMap::read(row, "rewards")).collect::<Result<_, _>>()?;
    Ok(RecentTrouble { lost, hints, rewards })
}
