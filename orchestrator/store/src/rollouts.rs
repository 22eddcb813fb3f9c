//! Graded rollouts in the log.

use std::collections::HashMap;

use retrial_domain::{FinishReason, GradedRollout, ProblemId, Reward, Rollout, Trial};
use retrial_grader::Answer;
use retrial_protocol::{Step, WeightVersion};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::judgement::{judgement, rewards};
use crate::word::Word as _;
use crate::{RunId, Store, StoreError, codec};

/// The rollouts of a step in the log, by problem and trial: groups are complete or absent.
pub type LoggedRollouts = HashMap<(ProblemId, Trial), Vec<GradedRollout>>;

const SELECT: &str = "SELECT problem, trial, position, verdict, answer, canonical, finish, \
    reward, rewards, reason, version, text, token_ids, logprobs \
    FROM rollouts JOIN responses USING (run, step, problem, trial, position) \
    WHERE run = ? AND step = ? ORDER BY problem, trial, position";

/// The graded rollouts of a problem in a trial, to be logged.
#[derive(Clone, Copy, Debug)]
pub struct TrialRecord<'a> {
    /// The problem.
    pub problem: &'a ProblemId,
    /// The trial.
    pub trial: Trial,
    /// Tokens of the prompt they were sampled on.
    pub prompt_tokens: usize,
    /// The rollouts.
    pub rollouts: &'a [GradedRollout],
}

/// Rollouts of one insert statement: many, because each statement runs on another thread, and
/// few enough for the limit on variables.
const ROWS: usize = 512;

/// A rollout with its keys.
type Entry<'a> = (&'a TrialRecord<'a>, &'a GradedRollout);

impl Store {
    /// Logs graded rollouts, all or none of them.
    pub async fn log_rollouts(
        &self,
        run: RunId,
        step: Step,
        trials: &[TrialRecord<'_>],
    ) -> Result<(), StoreError> {
        self.write("log rollouts in", async |db| {
            let entries: Vec<Entry<'_>> = trials
                .iter()
                .flat_map(|trial| trial.rollouts.iter().map(move |rollout| (trial, rollout)))
                .collect();
            for entries in entries.chunks(ROWS) {
                rollout_rows(run, step, entries).build().execute(&mut *db).await?;
                response_rows(run, step, entries).build().execute(&mut *db).await?;
            }
            Ok(())
        })
        .await
    }

    /// The rollouts of a step that are in the log.
    pub async fn logged_rollouts(
        &self,
        run: RunId,
        step: Step,
    ) -> Result<LoggedRollouts, StoreError> {
        self.read("read rollouts from", async |db| {
            let query = sqlx::query(SELECT).bind(run.0).bind(step.0.cast_signed());
            let mut logged = LoggedRollouts::new();
            for row in &query.fetch_all(db).await? {
                let trial = Trial::by_word(row.try_get("trial")?)?;
                let version = WeightVersion(row.try_get::<i64, _>("version")?.cast_unsigned());
                let key = (ProblemId(row.try_get("problem")?), trial);
                logged.entry(key).or_default().push(graded(row, version)?);
            }
            Ok(logged)
        })
        .await
    }
}

impl Store {
    /// The wrong answers of a problem's complete rollouts before a step, the most frequent
    /// first.
    pub async fn wrong_answers_before(
        &self,
        run: RunId,
        step: Step,
        problem: &ProblemId,
    ) -> Result<Vec<Answer>, StoreError> {
        let query = "SELECT min(answer), canonical FROM groups JOIN rollouts USING (run, step, problem) \
                     WHERE run = ? AND problem = ? AND step < ? \
                     AND verdict = 'wrong' AND finish = 'stop' \
                     GROUP BY canonical ORDER BY count(*) DESC, min(step), canonical";
        self.read("read wrong answers from", async |db| {
            let query = sqlx::query_as(query).bind(run.0).bind(&problem.0);
            let rows: Vec<(String, String)> =
                query.bind(step.0.cast_signed()).fetch_all(db).await?;
            Ok(rows.into_iter().map(|(text, canonical)| Answer { text, canonical }).collect())
        })
        .await
    }
}

fn rollout_rows(run: RunId, step: Step, entries: &[Entry<'_>]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "INSERT INTO rollouts (run, step, problem, trial, position, verdict, answer, canonical, \
         finish, prompt_tokens, tokens, version, reward, rewards, reason) ",
    );
    query.push_values(entries, |mut row, (trial, GradedRollout { rollout, judgement })| {
        row.push_bind(run.0)
            .push_bind(step.0.cast_signed())
            .push_bind(trial.problem.0.clone())
            .push_bind(trial.trial.as_str())
            .push_bind(rollout.index)
            .push_bind(judgement.verdict.as_str())
            .push_bind(judgement.answer.as_ref().map(|answer| answer.text.clone()))
            .push_bind(judgement.answer.as_ref().map(|answer| answer.canonical.clone()))
            .push_bind(rollout.finish.as_str())
            .push_bind(trial.prompt_tokens as i64)
            .push_bind(rollout.tokens.len() as i64)
            .push_bind(rollout.version.0.cast_signed())
            .push_bind(judgement.reward.map(Reward::get))
            .push_bind(rewards(judgement))
            .push_bind(judgement.reason.clone());
    });
    query.push(" ON CONFLICT DO NOTHING");
    query
}

fn response_rows(run: RunId, step: Step, entries: &[Entry<'_>]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "INSERT INTO responses (run, step, problem, trial, position, text, token_ids, logprobs) ",
    );
    query.push_values(entries, |mut row, (trial, GradedRollout { rollout, .. })| {
        row.push_bind(run.0)
            .push_bind(step.0.cast_signed())
            .push_bind(trial.problem.0.clone())
            .push_bind(trial.trial.as_str())
            .push_bind(rollout.index)
            .push_bind(rollout.text.clone())
            .push_bind(codec::ids_to_blob(&rollout.tokens))
            .push_bind(codec::floats_to_blob(&rollout.logprobs));
    });
    query.push(" ON CONFLICT DO NOTHING");
    query
}

/// A graded rollout from a row with its columns.
pub(crate) fn graded(row: &SqliteRow, version: WeightVersion) -> sqlx::Result<GradedRollout> {
    Ok(GradedRollout {
        rollout: Rollout {
            index: row.try_get("position")?,
            tokens: codec::ids_from_blob(row.try_get("token_ids")?)?,
            logprobs: codec::floats_from_blob(row.try_get("logprobs")?)?,
            text: row.try_get("text")?,
            finish: FinishReason::by_word(row.try_get("finish")?)?,
            version,
        },
        judgement: judgement(row)?,
    })
}
