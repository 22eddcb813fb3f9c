//! The promises of the log: exact, idempotent, readable.

mod exact;
mod opening;
mod views;

use std::path::{Path, PathBuf};

use retrial_domain::{
    FinishReason, GradedRollout, Judgement, Part, Problem, ProblemId, Reward, Rollout, Trial,
};
use retrial_grader::{Answer, Verdict};
use retrial_lte::{GroupOutcome, HintKind, Method, SecondTrial};
use retrial_protocol::{Metric, Step};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column, Row, TypeInfo, ValueRef};
use tempfile::TempDir;

use super::*;

/// A log with a run of three problems and a step that has begun.
struct Log {
    store: Store,
    run: RunId,
    folder: TempDir,
}

const STEP: Step = Step(1);

impl Log {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("retrial.db")).await.unwrap();
        let new = NewRun {
            name: "r".into(),
            method: Method::Lte,
            seed: u64::MAX,
            model: "base".into(),
            config: serde_json::json!({ "rollout": { "group": 2 } }),
        };
        let run = store.create_run(&new).await.unwrap();
        let problem = |id: &str, text: &str, answer: &str| Problem {
            id: ProblemId(id.into()),
            text: text.into(),
            answer: answer.into(),
            tags: [("dialect".to_owned(), "plain".to_owned())].into(),
        };
        let problems = [
            problem("a", "What is 1 + 1?", "2"),
            problem("b", "What is 2 * 3?", "6"),
            problem("c", "What is 9 - 1?", "8"),
        ];
        store.record_problems(run, "train", problems.iter()).await.unwrap();
        store.begin_step(run, STEP, &[id("a"), id("b"), id("c")]).await.unwrap();
        Self { store, run, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("retrial.db")
    }

    async fn log(&self, problem: &str, trial: Trial, group: &[GradedRollout]) {
        let record =
            TrialRecord { problem: &id(problem), trial, prompt_tokens: 9, rollouts: group };
        self.store.log_rollouts(self.run, STEP, &[record]).await.unwrap();
    }

    /// Logs the first trial of all problems: a and c fail, b is solved at once.
    async fn first_trial(&self) {
        self.log("a", Trial::First, &first_of_a()).await;
        let b = [graded(0, Verdict::Correct, Some("6")), graded(1, Verdict::Timeout, None)];
        self.log("b", Trial::First, &b).await;
        self.log("c", Trial::First, &[graded(0, Verdict::Unparsed, Some("8 8"))]).await;
    }

    /// Logs a second trial that rescues a, and commits.
    async fn second_trial(&self) {
        let Self { store, run, .. } = self;
        let hint = |answer: &str| SecondTrial {
            kind: HintKind::Hint,
            answers: vec![answer.into(), "\\frac{\"1\"}{2}".into()],
        };
        let hints = [("a", "3"), ("c", "8 8")].map(|(problem, answer)| HintRecord {
            problem: id(problem),
            trial: hint(answer),
            prompt: format!("not {answer}"),
            answer_space: (problem == "c").then_some(4),
        });
        store.log_hints(*run, STEP, &hints).await.unwrap();
        let a = [graded(0, Verdict::Wrong, Some("3")), graded(1, Verdict::Correct, Some("2"))];
        self.log("a", Trial::Second, &a).await;
        self.log("c", Trial::Second, &[graded(0, Verdict::Wrong, Some("7"))]).await;
        store.commit_step(*run, STEP, &committed()).await.unwrap();
    }

    /// Every row of every table, columns of times left out.
    async fn content(&self) -> Vec<String> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> '_sqlx_migrations'",
        )
        .fetch_all(&self.store.readers)
        .await
        .unwrap();
        let mut content = Vec::new();
        for table in tables {
            let rows = self.rows(&format!("SELECT * FROM {table}")).await;
            content.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        content.sort_unstable();
        content
    }

    /// The rows of a query, one a line.
    async fn rows(&self, query: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&self.store.readers).await;
        rows.unwrap_or_else(|error| panic!("{query}: {error}")).iter().map(shown).collect()
    }
}

fn shown(row: &SqliteRow) -> String {
    let columns = row.columns().iter().filter(|column| !column.name().ends_with("_at"));
    let shown = columns.map(|column| {
        let at = column.ordinal();
        let value = row.try_get_raw(at).unwrap();
        let text = match value.type_info().name() {
            _ if value.is_null() => "-".into(),
            "INTEGER" => row.get::<i64, _>(at).to_string(),
            "REAL" => format!("{:?}", row.get::<f64, _>(at)),
            "BLOB" => format!("{:?}", row.get::<Vec<u8>, _>(at)),
            _ => row.get(at),
        };
        format!("{}={text}", column.name())
    });
    shown.collect::<Vec<String>>().join(" | ")
}

fn id(name: &str) -> ProblemId {
    ProblemId(name.into())
}

/// A response with an answer; the normal form of one such as `3.0` is `3`.
fn graded(index: u32, verdict: Verdict, answer: Option<&str>) -> GradedRollout {
    let text = answer.map_or("I do not know".into(), |answer| format!("So \\boxed{{{answer}}}."));
    GradedRollout {
        rollout: Rollout {
            index,
            tokens: vec![index, u32::MAX],
            logprobs: vec![-0.1, f32::MIN_POSITIVE],
            text,
            finish: FinishReason::Stop,
            version: STEP.base(),
        },
        judgement: Judgement::graded(
            verdict,
            answer.map(|text| Answer {
                text: text.into(),
                canonical: text.trim_end_matches(".0").into(),
            }),
        ),
    }
}

/// Every kind of failure, and a time-out, which is none.
fn first_of_a() -> Vec<GradedRollout> {
    let mut group = vec![
        graded(0, Verdict::Wrong, Some("3")),
        graded(1, Verdict::Wrong, Some("3.0")),
        graded(2, Verdict::NoAnswer, None),
        graded(3, Verdict::NoAnswer, None),
        graded(4, Verdict::Timeout, None),
    ];
    group[3].rollout.finish = FinishReason::Length;
    group
}

fn committed() -> StepRecord {
    let group = |problem, before, after, replacements: &[Replacement]| GroupRecord {
        problem: id(problem),
        before,
        after,
        replacements: replacements.to_vec(),
    };
    let replaced = [Replacement { first: 1, extra: 1 }];
    StepRecord {
        groups: vec![
            group("a", GroupOutcome::NonePass, GroupOutcome::SomePass, &replaced),
            group("b", GroupOutcome::AllPass, GroupOutcome::AllPass, &[]),
            group("c", GroupOutcome::NonePass, GroupOutcome::NonePass, &[]),
        ],
        weights: PushRecord {
            version: STEP.version(),
            folder: "runs/r/v000001".into(),
            max_difference: Some(1e-6),
        },
        metrics: vec![
            (Metric::NonePass, 2.0),
            (Metric::NonePassAfter, 1.0),
            (Metric::HintedProblems, 2.0),
            (Metric::RescuedProblems, 1.0),
            (Metric::FirstTrialTokens, 16.0),
            (Metric::SecondTrialTokens, 6.0),
            (Metric::FirstTrialPassRate, 1.0 / 6.0),
            (Metric::Loss, f64::NAN),
            (Metric::TrainSeconds, 0.5),
            (Metric::PublishSeconds, 0.25),
        ],
    }
}
