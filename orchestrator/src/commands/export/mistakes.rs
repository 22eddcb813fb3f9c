//! Failed responses, with what followed.

use anyhow::{Context, Result};
use futures::TryStreamExt;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{FromRow, SqlitePool};

/// A failed response of a committed step.
#[derive(Debug, Serialize, FromRow)]
pub struct Row {
    /// The run's name.
    pub run: String,
    /// The step.
    pub step: i64,
    /// The problem's name.
    pub problem: String,
    /// `first` or `second`: without a hint, or after it.
    pub trial: String,
    /// Its position in the trial.
    pub position: i64,
    /// What was asked.
    pub problem_text: String,
    /// What is right.
    pub right_answer: String,
    /// What else the data set says of the problem.
    #[sqlx(json)]
    pub tags: Map<String, Value>,
    /// How it failed.
    pub kind: String,
    /// Its answer as it is written, if it has one.
    pub wrong_answer: Option<String>,
    /// The answer in the grader's normal form.
    pub canonical: Option<String>,
    /// Its text.
    pub response: String,
    /// The weights that sampled it.
    pub weight_version: i64,
    /// Kind of the second trial of its problem in this step, if there was one.
    pub hint_kind: Option<String>,
    /// The user message of the second trial.
    pub hint: Option<String>,
    /// The wrong answers that it warned of.
    #[sqlx(json(nullable))]
    pub listed_answers: Option<Vec<String>>,
    /// The correct response of the second trial that took its place in training.
    pub rescue: Option<String>,
}

const QUERY: &str = "SELECT runs.name AS run, rollouts.step, rollouts.problem, rollouts.trial,
    rollouts.position, problems.text AS problem_text, problems.answer AS right_answer,
    problems.tags, rollouts.kind, rollouts.answer AS wrong_answer, rollouts.canonical,
    responses.text AS response, rollouts.version AS weight_version, hints.kind AS hint_kind,
    hints.prompt AS hint, hints.answers AS listed_answers, rescue.text AS rescue
    FROM runs
    CROSS JOIN steps ON steps.run = runs.id AND steps.committed_at IS NOT NULL
    CROSS JOIN rollouts ON rollouts.run = steps.run AND rollouts.step = steps.step
    CROSS JOIN problems
      ON problems.run = rollouts.run AND problems.split = 'train' AND problems.id = rollouts.problem
    CROSS JOIN responses USING (run, step, problem, trial, position)
    LEFT JOIN hints
      ON hints.run = rollouts.run AND hints.step = rollouts.step
     AND hints.problem = rollouts.problem
    LEFT JOIN replacements
      ON rollouts.trial = 'first' AND replacements.run = rollouts.run
     AND replacements.step = rollouts.step AND replacements.problem = rollouts.problem
     AND replacements.failure = rollouts.position
    LEFT JOIN responses AS rescue
      ON rescue.run = rollouts.run AND rescue.step = rollouts.step
     AND rescue.problem = rollouts.problem AND rescue.trial = 'second'
     AND rescue.position = replacements.extra
    WHERE rollouts.kind IS NOT NULL
      AND (?1 = '[]' OR runs.name IN (SELECT value FROM json_each(?1)))
      AND (NOT ?2 OR replacements.extra IS NOT NULL)
    ORDER BY rollouts.run, rollouts.step, rollouts.problem, rollouts.trial, rollouts.position";

/// Hands on the failed responses of runs, or of all runs, one by one. Returns how many there are.
pub async fn each(
    log: &SqlitePool,
    runs: &[String],
    rescued: bool,
    mut take: impl FnMut(Row) -> Result<()>,
) -> Result<usize> {
    let runs = serde_json::to_string(runs)?;
    let mut rows = sqlx::query_as(QUERY).bind(runs).bind(rescued).fetch(log);
    let mut count = 0;
    while let Some(row) = rows.try_next().await.context("cannot read the log")? {
        take(row)?;
        count += 1;
    }
    Ok(count)
}
