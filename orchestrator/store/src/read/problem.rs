//! A problem: its history, its mistakes, and one visit in full.

use std::collections::BTreeMap;

use retrial_domain::{FinishReason, Trial};
use retrial_grader::Verdict;
use retrial_lte::HintKind;
use serde::Serialize;
use sqlx::SqliteConnection;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::mistakes::{self, MistakeLine};
use super::runs::RunInfo;
use super::trials::{Trials, counts};
use crate::error::ReadError;
use crate::reader::View;
use crate::row::from_row;
use crate::word;

/// Limit on the characters of a response; the whole text has a URL of its own.
const TEXT_CHARS: u32 = 20_000;
/// Limit on the rollouts of a trial.
const MOST_ROLLOUTS: u32 = 256;
/// Limit on the mistakes of a problem.
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
    /// Fields of the data set.
    pub tags: BTreeMap<String, String>,
    /// Each step that used it, in order.
    pub visits: Vec<Visit>,
    /// Its wrong answers, the most frequent first.
    pub mistakes: Vec<MistakeLine>,
    /// The visit that is shown in full; none if no step has used the problem.
    pub visit: Option<VisitDetail>,
}

/// A problem in a step: a row of the view `problem_history`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Visit {
    /// The step.
    pub step: u64,
    /// Results of its trials.
    #[serde(flatten)]
    pub trials: Trials,
}

from_row!(Visit { step; trials });

/// A visit in full.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitDetail {
    /// The step.
    pub step: u64,
    /// The previous problem in the step, by name.
    pub previous: Option<String>,
    /// The next problem.
    pub next: Option<String>,
    /// The prompt of the second trial.
    pub hint: Option<Hint>,
    /// The first trial.
    pub first: Vec<RolloutLine>,
    /// The second trial: extra rollouts.
    pub second: Vec<RolloutLine>,
}

/// The prompt of a second trial.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hint {
    /// The kind of prompt.
    #[schema(value_type = String)]
    pub kind: HintKind,
    /// The wrong answers that it lists.
    pub answers: Vec<String>,
    /// Possible answers of the problem, if they are few and known: what a list may reveal is
    /// limited.
    pub answer_space: Option<u64>,
    /// The exact text of the prompt.
    pub prompt: String,
}

/// A rollout.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RolloutLine {
    /// `first` or `second`.
    #[schema(value_type = String)]
    pub trial: Trial,
    /// Position in its trial, from 0.
    pub position: u64,
    /// `correct`, `wrong`, `no_answer`, `unparsed` or `timeout`.
    #[serde(serialize_with = "word::write")]
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// The answer, as it was written.
    pub answer: Option<String>,
    /// Its normal form.
    pub canonical: Option<String>,
    /// Its reward, between 0 and 1; none if the verifier gave up on it.
    pub reward: Option<f64>,
    /// The rewards of several verifiers by name; none if there is one.
    pub rewards: BTreeMap<String, f64>,
    /// The verifier's reason.
    pub reason: Option<String>,
    /// `stop`, or `length` if it was truncated.
    #[schema(value_type = String)]
    pub finish: FinishReason,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the response.
    pub tokens: u64,
    /// The weights that sampled it.
    pub version: u64,
    /// For a failure: the position of the extra rollout that replaced it; for an extra rollout:
    /// the position of the failure that it replaced.
    pub swapped_with: Option<u64>,
    /// The response, its first 20,000 characters.
    pub text: String,
    /// Characters of the response in the log.
    pub characters: u64,
    /// Characters of the whole response, if the log has only its beginning.
    pub cut_from: Option<u64>,
}

from_row!(RolloutLine {
    trial,
    position,
    verdict,
    answer,
    canonical,
    reward,
    rewards,
    reason,
    finish,
    prompt_tokens,
    tokens,
    version,
    swapped_with,
    text,
    characters,
    cut_from
});

struct ProblemRow {
    text: String,
    answer: String,
    tags: Json<BTreeMap<String, String>>,
}

from_row!(ProblemRow { text, answer, tags });

struct HintRow {
    kind: HintKind,
    answers: Json<Vec<String>>,
    answer_space: Option<u64>,
    prompt: String,
}

from_row!(HintRow { kind, answers, answer_space, prompt });

const PROBLEM: &str =
    "SELECT text, answer, tags FROM problems WHERE run = ? AND split = 'train' AND id = ?";

const VISITS: &str = concat!(
    "SELECT groups.step, groups.before, groups.after,
    (SELECT kind FROM hints WHERE hints.run = groups.run AND hints.step = groups.step
     AND hints.problem = groups.problem) AS hint, ",
    counts!(),
    " FROM groups LEFT JOIN rollouts
      ON rollouts.run = groups.run AND rollouts.step = groups.step
     AND rollouts.problem = groups.problem
    WHERE groups.run = ? AND groups.problem = ?
    GROUP BY groups.step ORDER BY groups.step"
);

const NEIGHBOURS: &str = "SELECT
    (SELECT max(problem) FROM groups WHERE run = ?1 AND step = ?2 AND problem < ?3),
    (SELECT min(problem) FROM groups WHERE run = ?1 AND step = ?2 AND problem > ?3)";

const HINT: &str = "SELECT kind, answers, answer_space, prompt FROM hints WHERE run = ? AND step = ? AND problem = ?";

const ROLLOUTS: &str = "SELECT trial, position, verdict,
    substr(answer, 1, 1000) AS answer, substr(canonical, 1, 1000) AS canonical,
    reward, rewards, substr(reason, 1, 2000) AS reason, finish, prompt_tokens, tokens, version,
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
    WHERE run = ?1 AND step = ?2 AND problem = ?3 AND trial = ?4
    ORDER BY position LIMIT ?6";

impl View<'_> {
    /// A problem, with the visit in a step, by default the last one.
    pub async fn problem(
        &mut self,
        run: &RunInfo,
        problem: &str,
        step: Option<u64>,
    ) -> Result<ProblemDetail, ReadError> {
        let db = &mut *self.db;
        let row: Option<ProblemRow> =
            sqlx::query_as(PROBLEM).bind(run.id).bind(problem).fetch_optional(&mut *db).await?;
        let row = row.ok_or_else(|| {
            ReadError::not_found(format!("problem `{problem}` in run `{}`", run.name))
        })?;
        let visits: Vec<Visit> =
            sqlx::query_as(VISITS).bind(run.id).bind(problem).fetch_all(&mut *db).await?;
        let mistakes = mistakes::of_problem(db, &run.name, problem, MISTAKES).await?;
        let step = match step {
            Some(step) if visits.iter().any(|visit| visit.step == step) => Some(step),
            Some(step) => {
                return Err(ReadError::not_found(format!("problem `{problem}` in step {step}")));
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
            tags: row.tags.0,
            visits,
            mistakes,
            visit,
        })
    }

    /// The whole text of a response. An unknown `trial` has no rollouts.
    pub async fn response(
        &mut self,
        run: &RunInfo,
        step: u64,
        problem: &str,
        trial: &str,
        position: u32,
    ) -> Result<String, ReadError> {
        let query = "SELECT text FROM responses \
                     WHERE run = ? AND step = ? AND problem = ? AND trial = ? AND position = ?";
        let text: Option<String> = sqlx::query_scalar(query)
            .bind(run.id)
            .bind(step.cast_signed())
            .bind(problem)
            .bind(trial)
            .bind(position)
            .fetch_optional(&mut *self.db)
            .await?;
        text.ok_or_else(|| {
            ReadError::not_found(format!(
                "rollout {position} of the {trial} trial of problem `{problem}` in step {step}"
            ))
        })
    }
}

async fn visit(
    db: &mut SqliteConnection,
    run: &RunInfo,
    problem: &str,
    step: u64,
) -> sqlx::Result<VisitDetail> {
    let key = step.cast_signed();
    let (previous, next) =
        sqlx::query_as(NEIGHBOURS).bind(run.id).bind(key).bind(problem).fetch_one(&mut *db).await?;
    let hint: Option<HintRow> =
        sqlx::query_as(HINT).bind(run.id).bind(key).bind(problem).fetch_optional(&mut *db).await?;
    let hint = hint.map(|row| Hint {
        kind: row.kind,
        answers: row.answers.0,
        answer_space: row.answer_space,
        prompt: row.prompt,
    });
    let first = rollouts(db, run, problem, step, Trial::First).await?;
    let second = rollouts(db, run, problem, step, Trial::Second).await?;
    Ok(VisitDetail { step, previous, next, hint, first, second })
}

async fn rollouts(
    db: &mut SqliteConnection,
    run: &RunInfo,
    problem: &str,
    step: u64,
    trial: Trial,
) -> sqlx::Result<Vec<RolloutLine>> {
    sqlx::query_as(ROLLOUTS)
        .bind(run.id)
        .bind(step.cast_signed())
        .bind(problem)
        .bind(trial.as_str())
        .bind(TEXT_CHARS)
        .bind(MOST_ROLLOUTS)
        .fetch_all(db)
        .await
}
