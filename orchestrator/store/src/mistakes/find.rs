//! Finding mistakes: any filter, in a time that does not grow with the log.
//!
//! The view `mistakes` has every row and is right for SQL by hand. Frequent queries
//! (the terminal, a page) go through [`find`], which returns the same rows in the same
//! order but reads little of the log: it takes the few best rows of
//! each part of the log (a run, a kind, solved or not) from an index that has them in order, or,
//! if a filter leaves few candidates (a problem, an answer, words), sorts those.

use retrial_domain::MistakeKind;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::filter::{MistakeFilter, canonical, phrase};
use crate::row::from_row;

const ORDER: &str = "times DESC, last_step DESC, first_step DESC, id";
/// The order by sorting, without an index: for few candidates.
const SORTED: &str = "+times DESC, last_step DESC, first_step DESC, id";

/// A row of the view `mistakes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Name of the run.
    pub run: String,
    /// The problem.
    pub problem: String,
    /// How often it was made.
    pub times: u64,
    /// How often after a hint.
    pub hinted_times: u64,
    /// Its kind.
    pub kind: MistakeKind,
    /// The answer, as it was written.
    pub wrong_answer: String,
    /// The right answer, as in the data set.
    pub right_answer: String,
    /// The first step that made it.
    pub first_step: u64,
    /// The last step that made it.
    pub last_step: u64,
    /// The latest weights that made it.
    pub weight_version: u64,
    /// Whether the problem was ever solved, hinted responses included.
    pub solved: bool,
    /// Its id in the log.
    pub id: i64,
    /// The problem's text.
    pub problem_text: String,
    /// An example response.
    pub response: String,
}

from_row!(Mistake {
    run,
    problem,
    times,
    hinted_times,
    kind,
    wrong_answer,
    right_answer,
    first_step,
    last_step,
    weight_version,
    solved,
    id,
    problem_text,
    response,
});

/// A mistake that matches a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The id of the mistake.
    pub id: i64,
    /// With `contains`, the latest response with the words, if there is one: an id of
    /// `failure_documents`.
    pub document: Option<i64>,
}

from_row!(Found { id, document });

/// Mistakes that match a filter, the most frequent first, then the latest. With `contains`, the
/// example is the latest response with the words, if there is one.
pub async fn find(
    db: &mut SqliteConnection,
    filter: &MistakeFilter,
    limit: u32,
    offset: u32,
) -> sqlx::Result<Vec<Mistake>> {
    let found = ids(db, filter, limit, offset).await?;
    let query = "SELECT * FROM mistakes WHERE id IN (SELECT value FROM json_each(?))";
    let mut rows: Vec<Mistake> =
        sqlx::query_as(query).bind(as_json(&found)).fetch_all(&mut *db).await?;
    for (row, Found { document, .. }) in rows.iter_mut().zip(&found) {
        let Some(document) = document else { continue };
        row.response = sqlx::query_scalar(
            "SELECT responses.text \
             FROM failure_documents AS document \
             JOIN mistake_tallies AS tally ON tally.id = document.mistake \
             JOIN responses ON responses.run = document.run AND responses.step = document.step \
              AND responses.problem = tally.problem AND responses.trial = document.trial \
              AND responses.position = document.position \
             WHERE document.id = ?",
        )
        .bind(document)
        .fetch_one(&mut *db)
        .await?;
    }
    Ok(rows)
}

/// The ids of found mistakes as a JSON array, for `id IN (SELECT value FROM json_each(?))`. The
/// view `mistakes` has its rows in the order of [`ids`] by itself.
pub fn as_json(found: &[Found]) -> String {
    let ids: Vec<i64> = found.iter().map(|found| found.id).collect();
    serde_json::to_string(&ids).expect("numbers are plain data")
}

/// Mistakes that match a filter, without their texts, in the order of [`find`].
pub async fn ids(
    db: &mut SqliteConnection,
    filter: &MistakeFilter,
    limit: u32,
    offset: u32,
) -> sqlx::Result<Vec<Found>> {
    let mut query = QueryBuilder::new("");
    let filter = &filter.with_answer_as_kind();
    if let Some(text) = &filter.contains {
        push_hits(&mut query, text, filter.most_hits);
        query.push(
            "SELECT id, max(document) AS document FROM hits CROSS JOIN mistake_tallies \
             ON mistake_tallies.id = hits.mistake WHERE true",
        );
        push_conditions(&mut query, filter);
        query.push(" GROUP BY id ORDER BY ").push(SORTED);
    } else if filter.problem.is_some() || filter.answer.is_some() {
        query.push("SELECT id, NULL AS document FROM mistake_tallies WHERE true");
        push_conditions(&mut query, filter);
        query.push(" ORDER BY ").push(SORTED);
    } else if filter.run.is_none() && filter.kinds.is_empty() && filter.solved.is_none() {
        query.push("SELECT id, NULL AS document FROM mistake_tallies WHERE true");
        push_conditions(&mut query, filter);
        query.push(" ORDER BY ").push(ORDER);
    } else {
        push_parts(&mut query, filter, limit.saturating_add(offset));
    }
    query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.build_query_as().fetch_all(db).await
}

/// `hits`: mistakes with the words in a response (the latest of these as an example) or in their
/// problem.
fn push_hits(query: &mut QueryBuilder<Sqlite>, text: &str, most: Option<u32>) {
    // SQLite takes -1 for no limit.
    let most_responses = most.map_or(-1, i64::from);
    let most_problems = most.map_or(-1, |most| i64::from(most.div_ceil(10)));
    query
        .push(
            "WITH hits (mistake, document) AS (\
             SELECT failure_documents.mistake, failure_documents.id FROM (\
             SELECT rowid FROM failures_fts WHERE failures_fts MATCH ",
        )
        .push_bind(phrase(text))
        .push(" ORDER BY rowid DESC LIMIT ")
        .push_bind(most_responses)
        .push(
            ") AS found CROSS JOIN failure_documents ON failure_documents.id = found.rowid \
             UNION ALL SELECT mistake_tallies.id, NULL FROM (\
             SELECT rowid FROM problems_fts WHERE problems_fts MATCH ",
        )
        .push_bind(phrase(text))
        .push(" ORDER BY rowid DESC LIMIT ")
        .push_bind(most_problems)
        .push(
            ") AS found CROSS JOIN problem_tallies ON problem_tallies.id = found.rowid \
             CROSS JOIN mistake_tallies ON mistake_tallies.run = problem_tallies.run \
             AND mistake_tallies.problem = problem_tallies.problem) ",
        );
}

/// The best rows of each part, best first.
fn push_parts(query: &mut QueryBuilder<Sqlite>, filter: &MistakeFilter, rows: u32) {
    let kinds = if filter.kinds.is_empty() { &MistakeKind::ALL[..] } else { &filter.kinds };
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let states = filter.solved.map_or(vec![0, 1], |solved| vec![u8::from(solved)]);
    query
        .push(
            "WITH parts AS (SELECT runs.id AS run, kinds.value AS kind, states.value AS solved \
             FROM runs CROSS JOIN json_each(",
        )
        .push_bind(serde_json::json!(kinds).to_string())
        .push(") AS kinds CROSS JOIN json_each(")
        .push_bind(serde_json::json!(states).to_string())
        .push(") AS states");
    if let Some(run) = &filter.run {
        query.push(" WHERE runs.name = ").push_bind(run.clone());
    }
    query.push(
        ") SELECT id, NULL AS document FROM parts CROSS JOIN mistake_tallies ON mistake_tallies.id IN (\
         SELECT part.id FROM mistake_tallies AS part INDEXED BY mistakes_by_kind \
         WHERE part.run = parts.run AND part.kind = parts.kind AND part.solved = parts.solved",
    );
    push_ranges(query, filter);
    query.push(" ORDER BY ").push(ORDER).push(" LIMIT ").push_bind(rows);
    query.push(") ORDER BY ").push(SORTED);
}

fn push_ranges(query: &mut QueryBuilder<Sqlite>, filter: &MistakeFilter) {
    for (condition, bound) in [
        (" AND times >= ", filter.min_times),
        (" AND last_step >= ", filter.from_step),
        (" AND first_step <= ", filter.to_step),
    ] {
        if let Some(bound) = bound {
            query.push(condition).push_bind(bound);
        }
    }
}

/// All conditions except the words.
fn push_conditions(query: &mut QueryBuilder<Sqlite>, filter: &MistakeFilter) {
    if let Some(run) = &filter.run {
        query.push(" AND run IN (SELECT id FROM runs WHERE name = ").push_bind(run.clone());
        query.push(")");
    } else if filter.problem.is_some() {
        // The index of problems begins with the run.
        query.push(" AND run IN (SELECT id FROM runs)");
    }
    if let Some(problem) = &filter.problem {
        query.push(" AND problem = ").push_bind(problem.clone());
    }
    if let Some(answer) = &filter.answer {
        query.push(" AND canonical IN (").push_bind(canonical(answer));
        query.push(", ").push_bind(answer.clone()).push(")");
    }
    if !filter.kinds.is_empty() {
        let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        query.push(" AND kind IN (SELECT value FROM json_each(");
        query.push_bind(serde_json::json!(kinds).to_string()).push("))");
    }
    if let Some(solved) = filter.solved {
        query.push(" AND solved = ").push_bind(solved);
    }
    push_ranges(query, filter);
}
