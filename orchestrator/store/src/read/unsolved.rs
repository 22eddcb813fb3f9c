//! Finding problems that were never solved.

use serde::Serialize;
use sqlx::QueryBuilder;

use crate::error::ReadError;
use crate::mistakes::phrase;
use crate::reader::View;
use crate::row::from_row;

/// Filter of unsolved problems; by default all match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnsolvedFilter {
    /// The run with this name.
    pub run: Option<String>,
    /// This problem.
    pub problem: Option<String>,
    /// With these words, in this order, in the problem.
    pub contains: Option<String>,
}

/// A row of the view `unsolved_problems`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsolved {
    /// Name of the run.
    pub run: String,
    /// The problem.
    pub problem: String,
    /// Responses to it, including hinted ones.
    pub tries: u64,
    /// Number of distinct answers.
    pub distinct_answers: u64,
    /// The first step that tried it.
    pub first_step: u64,
    /// The last step that tried it.
    pub last_step: u64,
    /// The right answer, as in the data set.
    pub right_answer: String,
    /// The problem's text.
    pub problem_text: String,
}

from_row!(Unsolved {
    run,
    problem,
    tries,
    distinct_answers,
    first_step,
    last_step,
    right_answer,
    problem_text,
});

impl View<'_> {
    /// Unsolved problems that match a filter, the most tried first.
    pub async fn unsolved(
        &mut self,
        filter: &UnsolvedFilter,
        limit: u32,
    ) -> Result<Vec<Unsolved>, ReadError> {
        let mut query = QueryBuilder::new("SELECT * FROM unsolved_problems WHERE true");
        if let Some(text) = &filter.contains {
            query
                .push(
                    " AND (run, problem) IN (SELECT runs.name, problem_tallies.problem \
                 FROM problem_tallies JOIN runs ON runs.id = problem_tallies.run \
                 WHERE problem_tallies.id IN \
                 (SELECT rowid FROM problems_fts WHERE problems_fts MATCH ",
                )
                .push_bind(phrase(text))
                .push("))");
        }
        for (column, value) in [("run", &filter.run), ("problem", &filter.problem)] {
            if let Some(value) = value {
                query.push(format!(" AND {column} = ")).push_bind(value);
            }
        }
        query.push(" LIMIT ").push_bind(limit);
        Ok(query.build_query_as().fetch_all(&mut *self.db).await?)
    }
}
