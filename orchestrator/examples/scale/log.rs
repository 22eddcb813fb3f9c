//! A step of the paper's size in a real log, and its batch as JSON: measured, not simulated.

use std::time::Instant;

use anyhow::Result;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use retrial_domain::{FinishReason, GradedRollout, Judgement, Problem, ProblemId, Rollout, Trial};
use retrial_grader::{Answer, Verdict};
use retrial_lte::{GroupOutcome, HintKind, Method, SecondTrial};
use retrial_protocol::{Batch, Metric, Part, Sample, Step};
use retrial_store::{GroupRecord, HintRecord, NewRun, PushRecord, StepRecord, Store, TrialRecord};

use super::plan::{GROUP, MAX_TOKENS, NONE_PASS, PROMPT};
use super::rollouts::{Lengths, lengths};

const PROBLEMS: usize = 128;
/// The first step starts with an empty file.
const STEPS: u64 = 3;
/// Characters of correct responses to keep, in the shortened log.
pub const KEPT: u32 = 200;

/// The measurements.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Seconds of the log's writer for a token.
    pub token_seconds: f64,
    /// Bytes of a token in the file, including its share of all else.
    pub token_bytes: f64,
    /// Rows of a rollout, in all tables, including its share of those of steps and hints.
    pub rollout_rows: f64,
}

/// Logs steps. `kept` is the number of characters of correct responses to keep, if they are shortened.
pub async fn measure(kept: Option<u32>) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.db");
    let store = Store::open(&path).await?.cutting_successes(kept);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let run = NewRun {
        name: "large".into(),
        method: Method::Lte,
        seed: 1,
        model: "model".into(),
        config: serde_json::json!({}),
    };
    let run = store.create_run(&run).await?;
    let problems: Vec<Problem> = (0..PROBLEMS).map(problem).collect();
    let ids: Vec<ProblemId> = problems.iter().map(|problem| problem.id.clone()).collect();
    store.record_problems(run, "train", problems.iter()).await?;
    let (mut seconds, mut tokens, mut rollouts) = (0.0, 0.0, 0);
    for step in (1..=STEPS).map(Step) {
        let hinted = (PROBLEMS as f64 * NONE_PASS).round() as usize;
        let first = trial(&mut random, step, PROBLEMS, |group| group >= hinted);
        let second = trial(&mut random, step, hinted, |_| true);
        let all = || first.iter().chain(&second).flatten();
        tokens += all().map(|graded| graded.rollout.tokens.len() as f64).sum::<f64>();
        rollouts += all().count();

        let clock = Instant::now();
        store.begin_step(run, step, &ids).await?;
        for (trial, groups) in [(Trial::First, &first), (Trial::Second, &second)] {
            for (problem, rollouts) in ids.iter().zip(groups) {
                let record =
                    TrialRecord { problem, trial, prompt_tokens: PROMPT as usize, rollouts };
                store.log_rollouts(run, step, &[record]).await?;
            }
            if trial == Trial::First {
                store.log_hints(run, step, &hints(&ids[..hinted])).await?;
            }
        }
        store.sync().await?;
        store.commit_step(run, step, &record(step, &ids, hinted)).await?;
        seconds += clock.elapsed().as_secs_f64();
    }
    let rows = rows(&path).await?;
    store.close().await;
    let bytes = std::fs::metadata(&path)?.len() as f64;
    Ok(Measured {
        token_seconds: seconds / tokens,
        token_bytes: bytes / tokens,
        rollout_rows: rows / rollouts as f64,
    })
}

/// Bytes a second of a step's batch as JSON: the slower of writing and reading.
pub fn json() -> Result<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let groups = trial(&mut random, Step(1), PROBLEMS, |_| true);
    let sample = |graded: GradedRollout| Sample {
        prompt: vec![1; PROMPT as usize],
        response: graded.rollout.tokens,
        sampler_logprobs: graded.rollout.logprobs,
        advantage: 1.0,
        part: Part::OnPolicy,
    };
    let batch = Batch { samples: groups.into_iter().flatten().map(sample).collect() };
    let clock = Instant::now();
    let text = serde_json::to_vec(&batch)?;
    let written = clock.elapsed();
    let clock = Instant::now();
    let _: Batch = serde_json::from_slice(&text)?;
    let read = clock.elapsed();
    Ok(text.len() as f64 / written.max(read).as_secs_f64())
}

fn problem(number: usize) -> Problem {
    Problem {
        id: ProblemId(format!("problem-{number:05}")),
        text: "What is it? ".repeat(20),
        answer: "1".into(),
        tags: std::iter::empty().collect(),
    }
}

/// Rollouts as long as the paper's. In a group that may pass, half of them do.
fn trial(
    random: &mut ChaCha8Rng,
    step: Step,
    groups: usize,
    may_pass: impl Fn(usize) -> bool,
) -> Vec<Vec<GradedRollout>> {
    let lengths = lengths(random, groups, GROUP);
    let graded = |(group, lengths): (usize, Lengths)| {
        let rollouts = (0..).zip(lengths).map(|(index, length)| {
            let passes = may_pass(group) && index % 2 == 0;
            rollout(random, step, index, length, passes)
        });
        rollouts.collect()
    };
    lengths.into_iter().enumerate().map(graded).collect()
}

fn rollout(
    random: &mut ChaCha8Rng,
    step: Step,
    index: u32,
    length: u32,
    passes: bool,
) -> GradedRollout {
    const WORDS: [&str; 8] = ["and", "so the", "sum", " = x + ", "which", "12", " is ", "even"];
    let cut = length == MAX_TOKENS;
    let tokens = 0..length;
    let mut word = || WORDS[random.random_range(0..WORDS.len())];
    let text: String = tokens.clone().map(|_| word()).collect();
    let answer = if passes { 1 } else { random.random_range(2..50) };
    GradedRollout {
        rollout: Rollout {
            index,
            tokens: tokens.clone().map(|_| random.random_range(0..150_000)).collect(),
            logprobs: tokens.map(|_| -random.random::<f32>()).collect(),
            text,
            finish: if cut { FinishReason::Length } else { FinishReason::Stop },
            version: step.base(),
        },
        judgement: Judgement::graded(
            match (cut, passes) {
                (true, _) => Verdict::NoAnswer,
                (false, true) => Verdict::Correct,
                (false, false) => Verdict::Wrong,
            },
            (!cut).then(|| Answer { text: answer.to_string(), canonical: answer.to_string() }),
        ),
    }
}

fn hints(problems: &[ProblemId]) -> Vec<HintRecord> {
    let hint = |problem: &ProblemId| HintRecord {
        problem: problem.clone(),
        trial: SecondTrial {
            kind: HintKind::Hint,
            answers: (2..8).map(|answer| answer.to_string()).collect(),
        },
        prompt: "What is it? ".repeat(25),
        answer_space: None,
    };
    problems.iter().map(hint).collect()
}

fn record(step: Step, problems: &[ProblemId], hinted: usize) -> StepRecord {
    let group = |(number, problem): (usize, &ProblemId)| GroupRecord {
        problem: problem.clone(),
        before: if number < hinted { GroupOutcome::NonePass } else { GroupOutcome::SomePass },
        after: GroupOutcome::SomePass,
        replacements: Vec::new(),
    };
    let folder = step.version().folder().into();
    StepRecord {
        groups: problems.iter().enumerate().map(group).collect(),
        weights: PushRecord { version: step.version(), folder, max_difference: Some(1e-6) },
        metrics: vec![(Metric::Loss, 1.0), (Metric::GradNorm, 1.0)],
    }
}

/// Rows of all tables except the full-text index.
async fn rows(path: &std::path::Path) -> Result<f64> {
    let log = retrial_store::reader(path).await?;
    let tables: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
         AND name NOT LIKE '%fts%'",
    )
    .fetch_all(&log)
    .await?;
    let mut rows = 0;
    for (table,) in tables {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let of_table: i64 = sqlx::query_scalar(count).fetch_one(&log).await?;
        rows += of_table;
    }
    log.close().await;
    Ok(rows as f64)
}
