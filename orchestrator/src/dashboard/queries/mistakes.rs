//! Mistakes by filters, looked up as `store::mistakes` does. A query of the view that finds the same
//! is shown to whoever asks: it runs as it stands on the log.

use clap::ValueEnum as _;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection};
use utoipa::{IntoParams, ToSchema};

use super::Window;
use crate::dashboard::problem::Problem;
use crate::store::mistakes::{self, MistakeFilter, MistakeKind};

/// Which mistakes are asked for; what is left out or empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this run.
    pub run: String,
    /// Of the problem with this name.
    pub problem: String,
    /// This wrong answer, however it is written; `(none)` and `(cut off)` are those without.
    pub answer: String,
    /// `wrong`, `unparsed`, `no_answer` or `cut_off`.
    pub kind: String,
    /// With these words, in this order, in a response or in the problem.
    pub contains: String,
    /// Made at least this often.
    pub times: String,
    /// Made at this step or later.
    pub from: String,
    /// Made at this step or earlier.
    pub to: String,
    /// `1`: of problems that no response has solved.
    pub unsolved: String,
}

/// A wrong answer: a row of the view `mistakes`.
#[derive(Clone, Debug, Serialize, FromRow, ToSchema)]
pub struct MistakeLine {
    /// The run.
    pub run: String,
    /// The problem.
    pub problem: String,
    /// How often it was given.
    pub times: i64,
    /// `wrong`, `unparsed`, `no_answer` or `cut_off`.
    pub kind: String,
    /// The answer, `(none)`, or `(cut off)`.
    pub wrong_answer: String,
    /// The right answer.
    pub right_answer: String,
    /// When it was given first.
    pub first_step: i64,
    /// When it was given last.
    pub last_step: i64,
    /// The version of the weights that gave it last.
    pub weight_version: i64,
    /// The problem's text, the beginning of it.
    pub problem_text: String,
}

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

/// Columns of the view, long ones cut.
pub const COLUMNS: &str = "SELECT run, problem, times, kind,
    substr(wrong_answer, 1, 1000) AS wrong_answer, substr(right_answer, 1, 1000) AS right_answer,
    first_step, last_step, weight_version, substr(problem_text, 1, 300) AS problem_text
    FROM mistakes";

/// Responses with the words of a search that a page looks at, the latest.
const HITS: u32 = 5_000;

/// Mistakes that pass a filter.
pub async fn list(
    db: &mut SqliteConnection,
    filter: &Filter,
    window: Window,
) -> Result<Mistakes, Problem> {
    let filter = filter.read()?;
    // One more than asked for says whether there are more.
    let mut found = mistakes::ids(db, &filter, window.limit + 1, window.offset).await?;
    let more = found.len() > window.limit as usize;
    found.truncate(window.limit as usize);
    let query = format!("{COLUMNS} WHERE id IN (SELECT value FROM json_each(?))");
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(mistakes::as_json(&found))
        .fetch_all(db)
        .await?;
    let sql = format!("{}\nLIMIT {} OFFSET {}", filter.sql(), window.limit, window.offset);
    Ok(Mistakes { rows, more, sql })
}

impl Filter {
    fn read(&self) -> Result<MistakeFilter, Problem> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let number = |name: &str, value: &str| {
            let wrong = || Problem::Bad(format!("`{name}` is `{value}`, it must be a number"));
            let number = (!value.is_empty()).then(|| value.parse().map_err(|_| wrong()));
            number.transpose()
        };
        Ok(MistakeFilter {
            run: given(&self.run),
            problem: given(&self.problem),
            answer: given(&self.answer),
            kinds: self.kind()?.into_iter().collect(),
            min_times: number("times", &self.times)?,
            from_step: number("from", &self.from)?,
            to_step: number("to", &self.to)?,
            solved: (self.unsolved == "1").then_some(false),
            contains: given(&self.contains),
            most_hits: Some(HITS),
        })
    }

    fn kind(&self) -> Result<Option<MistakeKind>, Problem> {
        let kinds = MistakeKind::value_variants();
        let kind = kinds.iter().find(|kind| kind.as_str() == self.kind);
        if kind.is_none() && !self.kind.is_empty() {
            let known: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let (kind, kinds) = (&self.kind, known.join(", "));
            return Err(Problem::Bad(format!("`kind` is `{kind}`, it may be {kinds}")));
        }
        Ok(kind.copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        let filter = Filter { kind: "correct".into(), ..Filter::default() };
        let error = filter.read().err().unwrap();
        assert_eq!(
            error.to_string(),
            "`kind` is `correct`, it may be wrong, unparsed, no_answer, cut_off"
        );
        let filter = Filter { from: "first".into(), ..Filter::default() };
        let error = filter.read().err().unwrap();
        assert_eq!(error.to_string(), "`from` is `first`, it must be a number");
    }
}
