//! A problem: how it fared, its mistakes, and one visit in full.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};
use utoipa::ToSchema;

use super::mistakes::MistakeLine;
use super::runs::Run;
use crate::dashboard::problem::Problem;

/// Characters of a response that are sent; the rest has an address of its own.
pub const TEXT_CHARS: u32 = 20_000;
/// Rollouts of a trial that are sent.
const ROLLOUTS: u32 = 256;
/// Mistakes of a problem that are shown.
const MISTAKES: u32 = 30;

/// A problem.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemDetail {
    /// The run.
    pub run: String,
    /// Its name.
    pub problem: String,
    /// Its text.
    pub text: String,
    /// The right answer.
    pub answer: String,
    /// What the data set says of it.
    pub tags: BTreeMap<String, String>,
    /// Each step that took it, in order.
    pub visits: Vec<Visit>,
    /// Its wrong answers, the most frequent first.
    pub mistakes: Vec<MistakeLine>,
    /// The visit that is shown in full; none if no step has taken the problem.
    pub visit: Option<VisitDetail>,
}

/// A problem in a step: a row of the view `problem_history`.
#[derive(Clone, Debug, Serialize, FromRow, ToSchema)]
pub struct Visit {
    /// The step.
    pub step: i64,
    /// Outcome of the first trial: `none`, `some` or `all` pass; none while the step goes on.
    pub before: Option<String>,
    /// Outcome of the refined group.
    pub after: Option<String>,
    /// Correct rollouts of the first trial, and all of them.
    pub correct: i64,
    /// The same.
    pub tries: i64,
    /// Kind of the second trial's prompt.
    pub hint: Option<String>,
    /// Correct rollouts of the second trial, and all of them.
    pub hinted_correct: i64,
    /// The same.
    pub hinted_tries: i64,
}

/// A visit in full.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitDetail {
    /// The step.
    pub step: i64,
    /// The problem before it in the step, by name.
    pub previous: Option<String>,
    /// The problem after it.
    pub next: Option<String>,
    /// How the second trial was asked for.
    pub hint: Option<Hint>,
    /// The first trial.
    pub first: Vec<RolloutLine>,
    /// The second trial: extra rollouts.
    pub second: Vec<RolloutLine>,
}

/// How a second trial was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hint {
    /// The kind of prompt.
    pub kind: String,
    /// The wrong answers that it lists.
    pub answers: Vec<String>,
    /// The exact text of the prompt.
    pub prompt: String,
}

/// A rollout.
#[derive(Clone, Debug, Serialize, FromRow, ToSchema)]
pub struct RolloutLine {
    /// `first` or `second`.
    pub trial: String,
    /// Position in its trial, from 0.
    pub position: i64,
    /// `correct`, `wrong`, `no_answer`, `unparsed` or `timeout`.
    pub verdict: String,
    /// The answer as it was written.
    pub answer: Option<String>,
    /// Its normal form.
    pub canonical: Option<String>,
    /// `stop`, or `length` if it was cut.
    pub finish: String,
    /// Tokens of the prompt.
    pub prompt_tokens: i64,
    /// Tokens of the response.
    pub tokens: i64,
    /// The weights that sampled it.
    pub version: i64,
    /// Of a failure: the position of the extra rollout that took its place; of an extra rollout:
    /// the position of the failure whose place it took.
    pub swapped_with: Option<i64>,
    /// The response, its first 20,000 characters.
    pub text: String,
    /// Characters of the response that the log has.
    pub characters: i64,
    /// Characters that it had, if the log was told to keep its beginning only.
    pub cut_from: Option<i64>,
}

#[derive(FromRow)]
struct ProblemRow {
    text: String,
    answer: String,
    tags: String,
}

#[derive(FromRow)]
struct HintRow {
    kind: String,
    answers: String,
    prompt: String,
}

const PROBLEM: &str =
    "SELECT text, answer, tags FROM problems WHERE run = ? AND split = 'train' AND id = ?";

const VISITS: &str = "SELECT groups.step, groups.before, groups.after,
    count(*) FILTER (WHERE trial = 'first' AND verdict = 'correct') AS correct,
    count(*) FILTER (WHERE trial = 'first' AND verdict <> 'timeout') AS tries,
    (SELECT kind FROM hints WHERE hints.run = groups.run AND hints.step = groups.step
     AND hints.problem = groups.problem) AS hint,
    count(*) FILTER (WHERE trial = 'second' AND verdict = 'correct') AS hinted_correct,
    count(*) FILTER (WHERE trial = 'second' AND verdict <> 'timeout') AS hinted_tries
    FROM groups LEFT JOIN rollouts
      ON rollouts.run = groups.run AND rollouts.step = groups.step
     AND rollouts.problem = groups.problem
    WHERE groups.run = ? AND groups.problem = ?
    GROUP BY groups.step ORDER BY groups.step";

const MISTAKES_OF: &str = "SELECT run, problem, times, kind,
    substr(wrong_answer, 1, 1000) AS wrong_answer, substr(right_answer, 1, 1000) AS right_answer,
    first_step, last_step, weight_version, substr(problem_text, 1, 300) AS problem_text
    FROM mistakes WHERE run = ? AND problem = ? LIMIT ?";

const NEIGHBOURS: &str = "SELECT
    (SELECT max(problem) FROM groups WHERE run = ?1 AND step = ?2 AND problem < ?3),
    (SELECT min(problem) FROM groups WHERE run = ?1 AND step = ?2 AND problem > ?3)";

const HINT: &str =
    "SELECT kind, answers, prompt FROM hints WHERE run = ? AND step = ? AND problem = ?";

const ROLLOUT_COLUMNS: &str = "SELECT trial, position, verdict,
    substr(answer, 1, 1000) AS answer, substr(canonical, 1, 1000) AS canonical, finish, prompt_tokens, tokens, version,
    CASE trial
        WHEN 'first' THEN (SELECT extra FROM replacements AS swap WHERE swap.run = rollouts.run
            AND swap.step = rollouts.step AND swap.problem = rollouts.problem
            AND swap.failure = position)
        ELSE (SELECT failure FROM replacements AS swap WHERE swap.run = rollouts.run
            AND swap.step = rollouts.step AND swap.problem = rollouts.problem
            AND swap.extra = position)
    END AS swapped_with,
    substr(text, 1, ?5) AS text, length(text) AS characters, cut_from
    FROM rollouts JOIN responses USING (run, step, problem, trial, position)
    WHERE run = ?1 AND step = ?2 AND problem = ?3 AND trial = ?4";

/// A problem, with the visit of a step, or its last one.
pub async fn read(
    db: &mut SqliteConnection,
    run: &Run,
    problem: &str,
    step: Option<u64>,
) -> Result<ProblemDetail, Problem> {
    let row: Option<ProblemRow> =
        sqlx::query_as(PROBLEM).bind(run.id).bind(problem).fetch_optional(&mut *db).await?;
    let row = row
        .ok_or_else(|| Problem::not_found(format!("problem `{problem}` in run `{}`", run.name)))?;
    let visits: Vec<Visit> =
        sqlx::query_as(VISITS).bind(run.id).bind(problem).fetch_all(&mut *db).await?;
    let mistakes = sqlx::query_as(MISTAKES_OF)
        .bind(&run.name)
        .bind(problem)
        .bind(MISTAKES)
        .fetch_all(&mut *db)
        .await?;
    let step = match step {
        Some(step) if visits.iter().any(|visit| visit.step == step.cast_signed()) => {
            Some(step.cast_signed())
        }
        Some(step) => {
            return Err(Problem::not_found(format!("problem `{problem}` in step {step}")));
        }
        None => visits.last().map(|visit| visit.step),
    };
    let visit = match step {
        Some(step) => Some(visit(db, run, problem, step).await?),
        None => None,
    };
    Ok(ProblemDetail {
        run: run.name.clone(),
        problem: problem.into(),
        text: row.text,
        answer: row.answer,
        tags: serde_json::from_str(&row.tags).unwrap_or_default(),
        visits,
        mistakes,
        visit,
    })
}

async fn visit(
    db: &mut SqliteConnection,
    run: &Run,
    problem: &str,
    step: i64,
) -> Result<VisitDetail, Problem> {
    let (previous, next) = sqlx::query_as(NEIGHBOURS)
        .bind(run.id)
        .bind(step)
        .bind(problem)
        .fetch_one(&mut *db)
        .await?;
    let hint: Option<HintRow> =
        sqlx::query_as(HINT).bind(run.id).bind(step).bind(problem).fetch_optional(&mut *db).await?;
    let hint = hint.map(|row| Hint {
        kind: row.kind,
        answers: serde_json::from_str(&row.answers).unwrap_or_default(),
        prompt: row.prompt,
    });
    Ok(VisitDetail {
        step,
        previous,
        next,
        hint,
        first: trial(db, run, problem, step, "first").await?,
        second: trial(db, run, problem, step, "second").await?,
    })
}

async fn trial(
    db: &mut SqliteConnection,
    run: &Run,
    problem: &str,
    step: i64,
    trial: &str,
) -> Result<Vec<RolloutLine>, Problem> {
    let query = format!("{ROLLOUT_COLUMNS} ORDER BY position LIMIT {ROLLOUTS}");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query))
        .bind(run.id)
        .bind(step)
        .bind(problem)
        .bind(trial)
        .bind(TEXT_CHARS)
        .fetch_all(db)
        .await?)
}

/// The whole text of a response.
pub async fn response(
    db: &mut SqliteConnection,
    run: &Run,
    problem: &str,
    step: u64,
    trial: &str,
    position: u32,
) -> Result<String, Problem> {
    let query = "SELECT text FROM responses \
                 WHERE run = ? AND step = ? AND problem = ? AND trial = ? AND position = ?";
    let text: Option<String> = sqlx::query_scalar(query)
        .bind(run.id)
        .bind(step.cast_signed())
        .bind(problem)
        .bind(trial)
        .bind(position)
        .fetch_optional(db)
        .await?;
    text.ok_or_else(|| {
        Problem::not_found(format!(
            "rollout {position} of the {trial} trial of problem `{problem}` in step {step}"
        ))
    })
}
