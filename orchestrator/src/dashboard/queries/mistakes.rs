//! Mistakes by filters. The query is shown to whoever asks: it runs as it stands on the log.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, FromRow, SqliteConnection};
use utoipa::{IntoParams, ToSchema};

use super::Window;
use crate::dashboard::problem::Problem;

/// Which mistakes are asked for; what is left out or empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this run.
    pub run: String,
    /// Of the problem with this name.
    pub problem: String,
    /// This wrong answer, as the table shows it.
    pub answer: String,
    /// `wrong`, `no_answer` or `unparsed`.
    pub kind: String,
    /// With this text in the problem or in the answer.
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
    /// `wrong`, `no_answer` or `unparsed`.
    pub verdict: String,
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

const COLUMNS: &str = "SELECT run, problem, times, verdict,
       substr(wrong_answer, 1, 1000) AS wrong_answer, substr(right_answer, 1, 1000) AS right_answer,
       first_step, last_step, weight_version, substr(problem_text, 1, 300) AS problem_text
FROM mistakes";

const KINDS: [&str; 3] = ["wrong", "no_answer", "unparsed"];

/// Mistakes that pass a filter.
pub async fn list(
    db: &mut SqliteConnection,
    filter: &Filter,
    window: Window,
) -> Result<Mistakes, Problem> {
    // One more than asked for says whether there are more.
    let asked = Window { limit: window.limit + 1, ..window };
    let query = Query::of(filter)?;
    let (text, arguments) = query.bound(asked)?;
    let mut rows: Vec<MistakeLine> =
        sqlx::query_as_with(sqlx::AssertSqlSafe(text), arguments).fetch_all(db).await?;
    let more = rows.len() > window.limit as usize;
    rows.truncate(window.limit as usize);
    Ok(Mistakes { rows, more, sql: query.shown(window) })
}

/// A query with its values apart.
struct Query {
    /// With `?` for each value.
    conditions: Vec<String>,
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Number(i64),
}

impl Query {
    fn of(filter: &Filter) -> Result<Self, Problem> {
        let mut query = Self { conditions: Vec::new(), values: Vec::new() };
        if !filter.kind.is_empty() && !KINDS.contains(&filter.kind.as_str()) {
            let (kind, kinds) = (&filter.kind, KINDS.join(", "));
            return Err(Problem::Bad(format!("`kind` is `{kind}`, it may be {kinds}")));
        }
        for (condition, value) in [
            ("run = ?", &filter.run),
            ("problem = ?", &filter.problem),
            ("mistakes.wrong_answer = ?", &filter.answer),
            ("verdict = ?", &filter.kind),
        ] {
            query.text(condition, value);
        }
        if !filter.contains.is_empty() {
            let condition =
                "(instr(mistakes.problem_text, ?) > 0 OR instr(mistakes.wrong_answer, ?) > 0)";
            query.text(condition, &filter.contains);
            query.values.push(Value::Text(filter.contains.clone()));
        }
        for (condition, name, value) in [
            ("times >= ?", "times", &filter.times),
            ("last_step >= ?", "from", &filter.from),
            ("first_step <= ?", "to", &filter.to),
        ] {
            query.number(condition, name, value)?;
        }
        if filter.unsolved == "1" {
            query
                .conditions
                .push("(run, problem) IN (SELECT run, problem FROM unsolved_problems)".into());
        }
        Ok(query)
    }

    fn text(&mut self, condition: &str, value: &str) {
        if !value.is_empty() {
            self.conditions.push(condition.into());
            self.values.push(Value::Text(value.into()));
        }
    }

    fn number(&mut self, condition: &str, name: &str, value: &str) -> Result<(), Problem> {
        if value.is_empty() {
            return Ok(());
        }
        let number = value
            .parse()
            .map_err(|_| Problem::Bad(format!("`{name}` is `{value}`, it must be a number")))?;
        self.conditions.push(condition.into());
        self.values.push(Value::Number(number));
        Ok(())
    }

    fn text_with(&self, limit: &str, offset: &str) -> String {
        let mut text = COLUMNS.to_owned();
        for (place, condition) in self.conditions.iter().enumerate() {
            let word = if place == 0 { "WHERE" } else { "  AND" };
            let _ = write!(text, "\n{word} {condition}");
        }
        let order = "times DESC, run, problem, verdict DESC, mistakes.wrong_answer";
        let _ = write!(text, "\nORDER BY {order} LIMIT {limit} OFFSET {offset}");
        text
    }

    fn bound(&self, window: Window) -> Result<(String, SqliteArguments), Problem> {
        let mut arguments = SqliteArguments::default();
        let failed = |error: sqlx::error::BoxDynError| Problem::Log(error.to_string());
        for value in &self.values {
            match value {
                Value::Text(text) => arguments.add(text.clone()).map_err(failed)?,
                Value::Number(number) => arguments.add(*number).map_err(failed)?,
            }
        }
        arguments.add(window.limit).map_err(failed)?;
        arguments.add(window.offset).map_err(failed)?;
        Ok((self.text_with("?", "?"), arguments))
    }

    /// As it can be typed: each value in the place of its `?`.
    fn shown(&self, window: Window) -> String {
        let text = self.text_with(&window.limit.to_string(), &window.offset.to_string());
        let mut values = self.values.iter();
        let mut shown = String::new();
        for (place, piece) in text.split('?').enumerate() {
            if place > 0 {
                match values.next() {
                    Some(Value::Text(text)) => {
                        let _ = write!(shown, "'{}'", text.replace('\'', "''"));
                    }
                    Some(Value::Number(number)) => {
                        let _ = write!(shown, "{number}");
                    }
                    None => shown.push('?'),
                }
            }
            shown.push_str(piece);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_shown_as_it_can_be_typed() {
        let filter = Filter {
            run: "r".into(),
            contains: "what's ?".into(),
            times: "3".into(),
            unsolved: "1".into(),
            ..Filter::default()
        };
        let query = Query::of(&filter).unwrap();
        let shown = query.shown(Window { offset: 50, limit: 50 });
        let (_, end) = shown.split_once("FROM mistakes\n").unwrap();
        assert_eq!(
            end,
            "WHERE run = 'r'\n  \
               AND (instr(mistakes.problem_text, 'what''s ?') > 0 \
             OR instr(mistakes.wrong_answer, 'what''s ?') > 0)\n  \
               AND times >= 3\n  \
               AND (run, problem) IN (SELECT run, problem FROM unsolved_problems)\n\
             ORDER BY times DESC, run, problem, verdict DESC, mistakes.wrong_answer \
             LIMIT 50 OFFSET 50"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        let filter = Filter { kind: "correct".into(), ..Filter::default() };
        let error = Query::of(&filter).err().unwrap();
        assert_eq!(error.to_string(), "`kind` is `correct`, it may be wrong, no_answer, unparsed");
        let filter = Filter { from: "first".into(), ..Filter::default() };
        let error = Query::of(&filter).err().unwrap();
        assert_eq!(error.to_string(), "`from` is `first`, it must be a number");
    }
}
