//! The problems of a run, by status.

use retrial_lte::GroupOutcome;
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite};
use utoipa::ToSchema;

use super::runs::RunInfo;
use crate::error::ReadError;
use crate::reader::{View, Window};
use crate::row::from_row;
use crate::word;

/// Filter of problems by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemStatus {
    /// All that were tried.
    #[default]
    Any,
    /// No response solved them, hints included.
    Unsolved,
    /// A second trial rescued them.
    Rescued,
    /// Rescued once, and solved without a hint later.
    Graduated,
    /// Every rollout of an earlier first trial solved them, and none of the last one.
    Lost,
}

/// Orders of problems, each with the most of it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProblemOrder {
    /// First trials that failed altogether.
    #[default]
    Failed,
    /// Visits.
    Visits,
    /// Rescues.
    Rescued,
    /// The least pass rate of first trials.
    PassRate,
    /// The last visit.
    LastStep,
}

impl ProblemOrder {
    fn sql(self) -> &'static str {
        match self {
            Self::Failed => "failed DESC",
            Self::Visits => "visits DESC",
            Self::Rescued => "rescued DESC",
            Self::PassRate => "1.0 * correct / tries",
            Self::LastStep => "last_step DESC",
        }
    }
}

/// A problem of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemLine {
    /// Its name.
    pub problem: String,
    /// The beginning of its text.
    pub text: String,
    /// The right answer.
    pub answer: String,
    /// Steps that used it.
    pub visits: u64,
    /// Those whose first trial failed completely.
    pub failed: u64,
    /// Those that the second trial rescued.
    pub rescued: u64,
    /// Correct rollouts of all first trials, and all that could be graded.
    pub correct: u64,
    /// Rollouts of all first trials that could be graded.
    pub tries: u64,
    /// Correct extra rollouts of all second trials.
    pub extra_correct: u64,
    /// Extra rollouts of all second trials that could be graded.
    pub extra_tries: u64,
    /// The last of them, and its outcomes.
    pub last_step: u64,
    /// The outcome of the last first trial.
    #[serde(serialize_with = "word::write")]
    #[schema(value_type = String)]
    pub before: GroupOutcome,
    /// The outcome of the last refined group.
    #[serde(serialize_with = "word::write")]
    #[schema(value_type = String)]
    pub after: GroupOutcome,
}

from_row!(ProblemLine {
    problem,
    text,
    answer,
    visits,
    failed,
    rescued,
    correct,
    tries,
    extra_correct,
    extra_tries,
    last_step,
    before,
    after,
});

/// A page of problems.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problems {
    /// The rows, those whose first trial failed most often first.
    pub rows: Vec<ProblemLine>,
    /// Whether there are more.
    pub more: bool,
}

// `before` and `after` are those of the row that has the greatest step.
const COUNTED: &str = "WITH counted AS (
    SELECT problem, count(*) AS visits, sum(before = 'none') AS failed,
           sum(before = 'none' AND after <> 'none') AS rescued, sum(after <> 'none') AS solved,
           sum(coalesce(correct, 0)) AS correct, sum(coalesce(tries, 0)) AS tries,
           sum(coalesce(extra_correct, 0)) AS extra_correct,
           sum(coalesce(extra_tries, 0)) AS extra_tries,
           sum(before = 'all') AS mastered,
           min(step) FILTER (WHERE before = 'none' AND after <> 'none') AS first_rescue,
           max(step) FILTER (WHERE before <> 'none') AS last_unaided,
           max(step) AS last_step, before, after
    FROM groups WHERE run = ";

impl View<'_> {
    /// Problems of a run with this status; `contains` is searched in their names and texts.
    pub async fn problems(
        &mut self,
        run: &RunInfo,
        status: ProblemStatus,
        contains: &str,
        order: ProblemOrder,
        window: Window,
    ) -> Result<Problems, ReadError> {
        let mut query = QueryBuilder::<Sqlite>::new(COUNTED);
        query.push_bind(run.id).push(
            " AND after IS NOT NULL GROUP BY problem)
        SELECT problem, substr(problems.text, 1, 300) AS text, problems.answer, visits, failed,
               rescued, correct, tries, extra_correct, extra_tries, last_step, before, after
        FROM counted CROSS JOIN problems
          ON problems.split = 'train' AND problems.id = counted.problem AND problems.run = ",
        );
        query.push_bind(run.id).push(match status {
            ProblemStatus::Any => " WHERE true",
            ProblemStatus::Unsolved => " WHERE solved = 0",
            ProblemStatus::Rescued => " WHERE rescued > 0",
            ProblemStatus::Graduated => " WHERE last_unaided > first_rescue",
            ProblemStatus::Lost => " WHERE mastered > 0 AND before = 'none'",
        });
        if !contains.is_empty() {
            query.push(" AND (instr(problems.text, ").push_bind(contains);
            query.push(") > 0 OR instr(problem, ").push_bind(contains).push(") > 0)");
        }
        query.push(" ORDER BY ").push(order.sql()).push(", problem LIMIT ");
        query.push_bind(window.limit + 1);
        query.push(" OFFSET ").push_bind(window.offset);
        let mut rows: Vec<ProblemLine> = query.build_query_as().fetch_all(&mut *self.db).await?;
        let more = rows.len() > window.limit as usize;
        rows.truncate(window.limit as usize);
        Ok(Problems { rows, more })
    }
}
