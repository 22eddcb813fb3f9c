//! Mistakes by filter: for a page with the equivalent query, and in full.

use retrial_domain::MistakeKind;
use serde::Serialize;
use sqlx::SqliteConnection;
use utoipa::ToSchema;

use crate::error::ReadError;
use crate::mistakes::{self, Mistake, MistakeFilter};
use crate::reader::{View, Window};
use crate::row::from_row;

/// A wrong answer: a row of the view `mistakes`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MistakeLine {
    /// The run.
    pub run: String,
    /// The problem.
    pub problem: String,
    /// How often it was given.
    pub times: u64,
    /// `wrong`, `unparsed`, `no_answer` or `cut_off`.
    #[schema(value_type = String)]
    pub kind: MistakeKind,
    /// The answer, `(none)`, or `(cut off)`.
    pub wrong_answer: String,
    /// The right answer.
    pub right_answer: String,
    /// The first step with it.
    pub first_step: u64,
    /// The last step with it.
    pub last_step: u64,
    /// The version of the weights that gave it last.
    pub weight_version: u64,
    /// The beginning of the problem's text.
    pub problem_text: String,
}

from_row!(MistakeLine {
    run,
    problem,
    times,
    kind,
    wrong_answer,
    right_answer,
    first_step,
    last_step,
    weight_version,
    problem_text,
});

/// A page of mistakes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Mistakes {
    /// The rows, the most frequent first.
    pub rows: Vec<MistakeLine>,
    /// Whether there are more.
    pub more: bool,
    /// The query.
    pub sql: String,
}

/// Columns of the view, long ones shortened.
const COLUMNS: &str = "SELECT run, problem, times, kind,
    substr(wrong_answer, 1, 1000) AS wrong_answer, substr(right_answer, 1, 1000) AS right_answer,
    first_step, last_step, weight_version, substr(problem_text, 1, 300) AS problem_text
    FROM mistakes";

impl View<'_> {
    /// A page of the mistakes that match a filter, long texts shortened.
    pub async fn mistakes(
        &mut self,
        filter: &MistakeFilter,
        window: Window,
    ) -> Result<Mistakes, ReadError> {
        // One more than requested shows whether there are more.
        let mut found = mistakes::ids(self.db, filter, window.limit + 1, window.offset).await?;
        let more = found.len() > window.limit as usize;
        found.truncate(window.limit as usize);
        let query = format!("{COLUMNS} WHERE id IN (SELECT value FROM json_each(?))");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(mistakes::as_json(&found))
            .fetch_all(&mut *self.db)
            .await?;
        let sql = format!("{}\nLIMIT {} OFFSET {}", filter.sql(), window.limit, window.offset);
        Ok(Mistakes { rows, more, sql })
    }

    /// The first mistakes that match a filter, in full.
    pub async fn whole_mistakes(
        &mut self,
        filter: &MistakeFilter,
        limit: u32,
    ) -> Result<Vec<Mistake>, ReadError> {
        Ok(mistakes::find(self.db, filter, limit, 0).await?)
    }
}

/// The most frequent mistakes of a problem.
pub async fn of_problem(
    db: &mut SqliteConnection,
    run: &str,
    problem: &str,
    limit: u32,
) -> sqlx::Result<Vec<MistakeLine>> {
    let query = format!("{COLUMNS} WHERE run = ? AND problem = ? LIMIT ?");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(query));
    query.bind(run).bind(problem).bind(limit).fetch_all(db).await
}
