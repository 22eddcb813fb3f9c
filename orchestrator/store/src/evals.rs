//! Evaluations in the log: those of `retrial eval`, and those of a run's own versions.

use std::collections::HashSet;

use retrial_domain::{GradedRollout, Problem, ProblemId, Reward, Score, Tally};
use retrial_protocol::WeightVersion;
use serde_json::Value;
use sqlx::Row;

use crate::error::unknown;
use crate::judgement::rewards;
use crate::{RunId, Store, StoreError, codec};

/// The key of an evaluation in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvalId(i64);

/// An evaluation in the log.
#[derive(Clone, Debug)]
pub struct LoggedEval {
    /// Its key.
    pub id: EvalId,
    /// The source of its weights.
    pub weights: String,
    /// The settings that decide its results.
    pub settings: Value,
}

/// A new evaluation.
#[derive(Clone, Copy, Debug)]
pub struct NewEval<'a> {
    /// Its name.
    pub name: &'a str,
    /// The source of its weights.
    pub weights: &'a str,
    /// The settings that decide its results.
    pub settings: &'a Value,
    /// The run and its version, if a run evaluates itself.
    pub of: Option<(RunId, WeightVersion)>,
}

/// A set of problems of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalSet {
    /// Its name.
    pub benchmark: String,
    /// The source of its problems.
    pub source: String,
    /// A digest of its problems.
    pub digest: String,
    /// Samples a problem.
    pub k: u32,
}

/// A problem with its results.
#[derive(Clone, Debug)]
pub struct EvalProblem {
    /// Its name.
    pub id: ProblemId,
    /// What is asked.
    pub text: String,
    /// Counts of its samples; none before they are logged.
    pub tally: Option<Tally>,
    /// Truncated samples.
    pub cut_off: u64,
    /// Tokens of all samples.
    pub tokens: u64,
}

const INSERT_ROLLOUT: &str = "INSERT INTO eval_rollouts \
    (eval, benchmark, problem, position, verdict, answer, canonical, finish, tokens, text, \
     token_ids, logprobs, reward, rewards, reason) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const SELECT_PROBLEMS: &str = "SELECT problem, text, tries, correct, \
    (SELECT count(*) FROM eval_rollouts AS rollouts WHERE rollouts.eval = problems.eval \
     AND rollouts.benchmark = problems.benchmark AND rollouts.problem = problems.problem \
     AND finish = 'length') AS cut_off, \
    (SELECT coalesce(sum(tokens), 0) FROM eval_rollouts AS rollouts \
     WHERE rollouts.eval = problems.eval AND rollouts.benchmark = problems.benchmark \
     AND rollouts.problem = problems.problem) AS tokens \
    FROM eval_problems AS problems WHERE eval = ? AND benchmark = ? ORDER BY place";

impl Store {
    /// The evaluation of this name, if there is one.
    pub async fn eval_by_name(&self, name: &str) -> Result<Option<LoggedEval>, StoreError> {
        let query = "SELECT id, weights, settings FROM evals WHERE name = ?";
        self.read("find the evaluation in", async |db| {
            let Some(row) = sqlx::query(query).bind(name).fetch_optional(db).await? else {
                return Ok(None);
            };
            let text: &str = row.try_get("settings")?;
            let settings = serde_json::from_str(text)
                .map_err(|_| unknown("the evaluation's settings", text))?;
            let (id, weights) = (EvalId(row.try_get("id")?), row.try_get("weights")?);
            Ok(Some(LoggedEval { id, weights, settings }))
        })
        .await
    }

    /// The names of all evaluations, oldest first.
    pub async fn eval_names(&self) -> Result<Vec<String>, StoreError> {
        self.read("list the evaluations of", async |db| {
            sqlx::query_scalar("SELECT name FROM evals ORDER BY id").fetch_all(db).await
        })
        .await
    }

    /// Inserts a new evaluation.
    pub async fn create_eval(&self, new: &NewEval<'_>) -> Result<EvalId, StoreError> {
        let query = "INSERT INTO evals (name, weights, settings, run, version) \
                     VALUES (?, ?, ?, ?, ?)";
        self.write("enter the evaluation in", async |db| {
            let done = sqlx::query(query)
                .bind(new.name)
                .bind(new.weights)
                .bind(new.settings.to_string())
                .bind(new.of.map(|(run, _)| run.0))
                .bind(new.of.map(|(_, version)| version.0.cast_signed()))
                .execute(db)
                .await?;
            Ok(EvalId(done.last_insert_rowid()))
        })
        .await
    }

    /// The sets of an evaluation.
    pub async fn eval_sets(&self, eval: EvalId) -> Result<Vec<EvalSet>, StoreError> {
        let query = "SELECT benchmark, source, digest, k FROM eval_sets WHERE eval = ? \
                     ORDER BY benchmark";
        self.read("read the sets of an evaluation from", async |db| {
            let rows = sqlx::query(query).bind(eval.0).fetch_all(db).await?;
            rows.iter()
                .map(|row| {
                    Ok(EvalSet {
                        benchmark: row.try_get("benchmark")?,
                        source: row.try_get("source")?,
                        digest: row.try_get("digest")?,
                        k: row.try_get("k")?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Inserts a set and its problems.
    pub async fn add_eval_set(
        &self,
        eval: EvalId,
        set: &EvalSet,
        problems: &[&Problem],
    ) -> Result<(), StoreError> {
        let query = "INSERT INTO eval_problems (eval, benchmark, problem, place, text, answer, tags) \
                     VALUES (?, ?, ?, ?, ?, ?, ?)";
        self.write("enter the problems of an evaluation in", async |db| {
            sqlx::query(
                "INSERT INTO eval_sets (eval, benchmark, source, digest, k) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(eval.0)
            .bind(&set.benchmark)
            .bind(&set.source)
            .bind(&set.digest)
            .bind(set.k)
            .execute(&mut *db)
            .await?;
            for (place, problem) in (0_i64..).zip(problems) {
                let tags = serde_json::to_string(&problem.tags).expect("tags are plain data");
                sqlx::query(query)
                    .bind(eval.0)
                    .bind(&set.benchmark)
                    .bind(&problem.id.0)
                    .bind(place)
                    .bind(&problem.text)
                    .bind(&problem.answer)
                    .bind(tags)
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// Logs the samples of a problem, all or none of them.
    pub async fn log_eval_problem(
        &self,
        eval: EvalId,
        benchmark: &str,
        problem: &ProblemId,
        samples: &[GradedRollout],
    ) -> Result<(), StoreError> {
        let tally = Tally::of(samples);
        self.write("log the samples of a problem in", async |db| {
            for GradedRollout { rollout, judgement } in samples {
                let answer = judgement.answer.as_ref();
                sqlx::query(INSERT_ROLLOUT)
                    .bind(eval.0)
                    .bind(benchmark)
                    .bind(&problem.0)
                    .bind(rollout.index)
                    .bind(judgement.verdict.as_str())
                    .bind(answer.map(|answer| &answer.text))
                    .bind(answer.map(|answer| &answer.canonical))
                    .bind(rollout.finish.as_str())
                    .bind(rollout.tokens.len() as i64)
                    .bind(&rollout.text)
                    .bind(codec::ids_to_blob(&rollout.tokens))
                    .bind(codec::floats_to_blob(&rollout.logprobs))
                    .bind(judgement.reward.map(Reward::get))
                    .bind(rewards(judgement))
                    .bind(&judgement.reason)
                    .execute(&mut *db)
                    .await?;
            }
            sqlx::query(
                "UPDATE eval_problems SET tries = ?, correct = ? \
                 WHERE eval = ? AND benchmark = ? AND problem = ?",
            )
            .bind(tally.tries.cast_signed())
            .bind(tally.correct.cast_signed())
            .bind(eval.0)
            .bind(benchmark)
            .bind(&problem.0)
            .execute(db)
            .await?;
            Ok(())
        })
        .await
    }

    /// The problems of a set with logged samples.
    pub async fn done_eval_problems(
        &self,
        eval: EvalId,
        benchmark: &str,
    ) -> Result<HashSet<ProblemId>, StoreError> {
        let query = "SELECT problem FROM eval_problems \
                     WHERE eval = ? AND benchmark = ? AND tries IS NOT NULL";
        self.read("read an evaluation from", async |db| {
            let query = sqlx::query_scalar(query).bind(eval.0).bind(benchmark);
            Ok(query.fetch_all(db).await?.into_iter().map(ProblemId).collect())
        })
        .await
    }

    /// Logs the scores of a set, with the standard errors of Pass@1 and Pass@k.
    pub async fn finish_eval_set(
        &self,
        eval: EvalId,
        benchmark: &str,
        score: &Score,
        errors: (f64, f64),
    ) -> Result<(), StoreError> {
        let query = "UPDATE eval_sets SET problems = ?, pass_at_1 = ?, pass_at_k = ?, \
                     pass_at_1_error = ?, pass_at_k_error = ?, \
                     evaluated_at = strftime('%Y-%m-%dT%H:%M:%fZ') \
                     WHERE eval = ? AND benchmark = ? AND evaluated_at IS NULL";
        self.write("log the scores of an evaluation in", async |db| {
            sqlx::query(query)
                .bind(score.problems as i64)
                .bind(score.pass_at_1)
                .bind(score.pass_at_k)
                .bind(errors.0)
                .bind(errors.1)
                .bind(eval.0)
                .bind(benchmark)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }

    /// The score of a run's version on a held-out set, if it was evaluated.
    pub async fn evaluation(
        &self,
        run: RunId,
        version: WeightVersion,
        split: &str,
    ) -> Result<Option<Score>, StoreError> {
        let scores = self.scores(run, split).await?;
        Ok(scores.into_iter().find(|&(of, _)| of == version).map(|(_, score)| score))
    }

    /// The problems of a set with their results, in the order of the data set.
    pub async fn eval_problems(
        &self,
        eval: EvalId,
        benchmark: &str,
    ) -> Result<Vec<EvalProblem>, StoreError> {
        self.read("read an evaluation from", async |db| {
            let query = sqlx::query(SELECT_PROBLEMS).bind(eval.0).bind(benchmark);
            let rows = query.fetch_all(db).await?;
            rows.iter()
                .map(|row| {
                    let tries: Option<i64> = row.try_get("tries")?;
                    let correct: Option<i64> = row.try_get("correct")?;
                    Ok(EvalProblem {
                        id: ProblemId(row.try_get("problem")?),
                        text: row.try_get("text")?,
                        tally: tries.zip(correct).map(|(tries, correct)| Tally {
                            tries: tries.cast_unsigned(),
                            correct: correct.cast_unsigned(),
                        }),
                        cut_off: row.try_get::<i64, _>("cut_off")?.cast_unsigned(),
                        tokens: row.try_get::<i64, _>("tokens")?.cast_unsigned(),
                    })
                })
                .collect()
        })
        .await
    }

    /// The folder of a run's weights at a version that was served, by default the latest.
    /// without one.
    pub async fn weights_of_run(
        &self,
        run: &str,
        version: Option<u64>,
    ) -> Result<Option<(u64, String)>, StoreError> {
        let query = "SELECT version, folder FROM weights JOIN runs ON runs.id = run \
                     WHERE name = ? AND version = coalesce(?, version) \
                     ORDER BY version DESC LIMIT 1";
        self.read("find the weights of a run in", async |db| {
            let version = version.map(u64::cast_signed);
            let row = sqlx::query(query).bind(run).bind(version).fetch_optional(db).await?;
            row.map(|row| {
                Ok((row.try_get::<i64, _>("version")?.cast_unsigned(), row.try_get("folder")?))
            })
            .transpose()
        })
        .await
    }
}
