//! Failed responses, with what followed.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use retrial_domain::{MistakeKind, Trial};
use retrial_lte::HintKind;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::FromRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;

use crate::error::ReadError;
use crate::reader::View;
use crate::row::Column;

/// A failed response of a committed step.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The run's name.
    pub run: String,
    /// The step.
    pub step: u64,
    /// The problem's name.
    pub problem: String,
    /// `first` or `second`: without a hint, or after it.
    pub trial: Trial,
    /// Its position in the trial.
    pub position: u64,
    /// The problem's text.
    pub problem_text: String,
    /// The right answer.
    pub right_answer: String,
    /// Other fields of the data set.
    pub tags: Map<String, Value>,
    /// Kind of failure.
    pub kind: MistakeKind,
    /// Its answer as it is written, if it has one.
    pub wrong_answer: Option<String>,
    /// The answer in the grader's normal form.
    pub canonical: Option<String>,
    /// Its reward, between 0 and the limit for passing.
    pub reward: Option<f64>,
    /// The rewards of several verifiers by name; none if there is one.
    pub rewards: BTreeMap<String, f64>,
    /// The verifier's reason.
    pub reason: Option<String>,
    /// Its text.
    pub response: String,
    /// The weights that sampled it.
    pub weight_version: u64,
    /// Kind of the second trial of its problem in this step, if there was one.
    pub hint_kind: Option<HintKind>,
    /// The user message of the second trial.
    pub hint: Option<String>,
    /// The wrong answers in the hint.
    pub listed_answers: Option<Vec<String>>,
    /// The correct response of the second trial that replaced it in training.
    pub rescue: Option<String>,
}

impl FromRow<'_, SqliteRow> for Failure {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        fn column<T: Column>(row: &SqliteRow, name: &str) -> sqlx::Result<T> {
            T::read(row, name)
        }
        Ok(Self {
            run: column(row, "run")?,
            step: column(row, "step")?,
            problem: column(row, "problem")?,
            trial: column(row, "trial")?,
            position: column(row, "position")?,
            problem_text: column(row, "problem_text")?,
            right_answer: column(row, "right_answer")?,
            tags: column::<Json<_>>(row, "tags")?.0,
            kind: column(row, "kind")?,
            wrong_answer: column(row, "wrong_answer")?,
            canonical: column(row, "canonical")?,
            reward: column(row, "reward")?,
            rewards: column(row, "rewards")?,
            reason: column(row, "reason")?,
            response: column(row, "response")?,
            weight_version: column(row, "weight_version")?,
            hint_kind: column(row, "hint_kind")?,
            hint: column(row, "hint")?,
            listed_answers: column::<Option<Json<_>>>(row, "listed_answers")?.map(|list| list.0),
            rescue: column(row, "rescue")?,
        })
    }
}

const QUERY: &str = "SELECT runs.name AS run, rollouts.step, rollouts.problem, rollouts.trial,
    rollouts.position, problems.text AS problem_text, problems.answer AS right_answer,
    problems.tags, rollouts.kind, rollouts.answer AS wrong_answer, rollouts.canonical,
    rollouts.reward, rollouts.rewards, rollouts.reason, responses.text AS response, rollouts.version AS weight_version, hints.kind AS hint_kind,
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

/// Failed responses, read one by one.
pub struct Failures<'v>(BoxStream<'v, sqlx::Result<Failure>>);

impl View<'_> {
    /// The failed responses of runs, or of all runs; with `rescued` only those that a correct
    /// response replaced.
    pub fn failures(&mut self, runs: &[String], rescued: bool) -> Failures<'_> {
        let query = sqlx::query_as(QUERY).bind(names(runs)).bind(rescued);
        Failures(query.fetch(&mut *self.db))
    }
}

impl Failures<'_> {
    /// The next one.
    pub async fn next(&mut self) -> Result<Option<Failure>, ReadError> {
        Ok(self.0.try_next().await?)
    }
}

/// Names of runs as a query parameter; empty means all.
pub fn names(runs: &[String]) -> String {
    serde_json::to_string(runs).expect("names are plain data")
}
