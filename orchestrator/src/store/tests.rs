//! The log against what it promises: exact, idempotent, readable.

use retrial_grader::{Answer, Verdict};
use retrial_lte::{GroupOutcome, HintKind, SecondTrial};
use retrial_protocol::WeightVersion;
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use super::*;
use crate::domain::{FinishReason, GradedRollout, ProblemId, Rollout, Trial};
use crate::evaluate::Score;

struct Log {
    store: Store,
    run: RunId,
    folder: TempDir,
}

const STEP: Step = Step(1);

impl Log {
    /// A log with a run of two problems.
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
            tags: [("level".to_owned(), "5".to_owned())].into(),
        };
        let problems = [problem("a", "What is 1 + 1?", "2"), problem("b", "What is 2 * 3?", "6")];
        store.record_problems(run, "train", problems.iter()).await.unwrap();
        store.begin_step(run, STEP, &[id("a"), id("b")]).await.unwrap();
        Self { store, run, folder }
    }

    /// Logs everything of a step: problem a is rescued, b is solved at once.
    async fn fill(&self) {
        let Self { store, run, .. } = self;
        let wrong = [graded(0, Verdict::Wrong, Some("3")), graded(1, Verdict::NoAnswer, None)];
        let right = [graded(0, Verdict::Correct, Some("6")), graded(1, Verdict::Timeout, None)];
        store.log_rollouts(*run, STEP, &id("a"), Trial::First, 9, &wrong).await.unwrap();
        store.log_rollouts(*run, STEP, &id("b"), Trial::First, 9, &right).await.unwrap();
        let hint = SecondTrial { kind: HintKind::Hint, answers: vec!["3".into()] };
        store.log_hint(*run, STEP, &id("a"), &hint, "not 3").await.unwrap();
        let extra = [graded(0, Verdict::Wrong, Some("3")), graded(1, Verdict::Correct, Some("2"))];
        store.log_rollouts(*run, STEP, &id("a"), Trial::Second, 15, &extra).await.unwrap();
        store.commit_step(*run, STEP, &committed()).await.unwrap();
    }

    /// All rows of all tables.
    async fn rows(&self) -> i64 {
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
                .fetch_all(&self.store.pool)
                .await
                .unwrap();
        let mut rows = 0;
        for table in tables {
            let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            rows += sqlx::query_scalar::<_, i64>(count).fetch_one(&self.store.pool).await.unwrap();
        }
        rows
    }

    async fn view(&self, query: &'static str) -> Vec<(String, i64, String)> {
        sqlx::query_as(query).fetch_all(&self.store.pool).await.unwrap()
    }
}

fn id(name: &str) -> ProblemId {
    ProblemId(name.into())
}

fn graded(index: u32, verdict: Verdict, answer: Option<&str>) -> GradedRollout {
    let text = answer.map_or("I do not know".into(), |answer| format!("\\boxed{{{answer}}}"));
    GradedRollout {
        rollout: Rollout {
            index,
            tokens: vec![index, u32::MAX],
            logprobs: vec![-0.1, f32::MIN_POSITIVE],
            text,
            finish: FinishReason::Stop,
            version: STEP.base(),
        },
        verdict,
        answer: answer.map(|text| Answer { text: text.into(), canonical: text.into() }),
    }
}

fn committed() -> StepRecord {
    let group = |problem, before, after, replacements: &[Replacement]| GroupRecord {
        problem: id(problem),
        before,
        after,
        replacements: replacements.to_vec(),
    };
    let replaced = [Replacement { first: 0, extra: 1 }];
    StepRecord {
        groups: vec![
            group("a", GroupOutcome::NonePass, GroupOutcome::SomePass, &replaced),
            group("b", GroupOutcome::AllPass, GroupOutcome::AllPass, &[]),
        ],
        weights: PushRecord {
            version: STEP.version(),
            folder: "runs/r/v000001".into(),
            max_difference: Some(1e-6),
        },
        metrics: vec![("none_pass", 1.0), ("rescued_problems", 1.0), ("train_seconds", 0.5)],
    }
}

#[tokio::test]
async fn rollouts_come_back_bit_for_bit() {
    let log = Log::new().await;
    let group: Vec<GradedRollout> = [
        (Verdict::Correct, Some("2")),
        (Verdict::Wrong, Some("\\frac{1}{2}")),
        (Verdict::NoAnswer, None),
        (Verdict::Unparsed, None),
        (Verdict::Timeout, None),
    ]
    .into_iter()
    .zip(0..)
    .map(|((verdict, answer), index)| graded(index, verdict, answer))
    .collect();
    let (store, run) = (&log.store, log.run);
    store.log_rollouts(run, STEP, &id("a"), Trial::Second, 9, &group).await.unwrap();
    let logged = store.logged_rollouts(run, STEP).await.unwrap();
    assert_eq!(logged.len(), 1);
    let found = &logged[&(id("a"), Trial::Second)];
    assert_eq!(*found, group);
    let bits = |group: &[GradedRollout]| -> Vec<u32> {
        group.iter().flat_map(|one| one.rollout.logprobs.iter().map(|x| x.to_bits())).collect()
    };
    assert_eq!(bits(found), bits(&group));
    assert!(store.logged_rollouts(run, Step(2)).await.unwrap().is_empty());
}

#[tokio::test]
async fn evaluations_come_back() {
    let log = Log::new().await;
    let (store, run, version) = (&log.store, log.run, WeightVersion(3));
    let score = Score { pass_at_1: 0.1 + 0.2, pass_at_k: 1.0, k: 2, problems: 2 };
    let group = |answer| vec![graded(0, Verdict::Correct, Some(answer)); 1];
    let mut samples = vec![(id("x"), group("1")), (id("y"), group("2"))];
    for (_, group) in &mut samples {
        group[0].rollout.version = version;
    }
    let record = EvalRecord { score, samples };
    assert_eq!(store.evaluation(run, version, "new").await.unwrap(), None);
    store.log_evaluation(run, version, "new", &record).await.unwrap();
    assert_eq!(store.evaluation(run, version, "new").await.unwrap(), Some(record));
    assert_eq!(store.evaluation(run, version, "other").await.unwrap(), None);
}

#[tokio::test]
async fn logging_twice_is_logging_once() {
    let log = Log::new().await;
    log.fill().await;
    let rows = log.rows().await;
    log.store.begin_step(log.run, STEP, &[id("a"), id("b")]).await.unwrap();
    log.fill().await;
    assert_eq!(log.rows().await, rows);
    let sums = log.store.metric_sums(log.run).await.unwrap();
    assert_eq!(sums["train_seconds"], 0.5);
}

#[tokio::test]
async fn a_step_counts_once_it_is_committed() {
    let log = Log::new().await;
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), None);
    log.fill().await;
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), Some(STEP));
    log.store.begin_step(log.run, Step(2), &[id("a")]).await.unwrap();
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), Some(STEP));
}

#[tokio::test]
async fn runs_are_found_by_name() {
    let log = Log::new().await;
    let record = log.store.run_by_name("r").await.unwrap().unwrap();
    assert_eq!((record.id, &record.config["rollout"]["group"]), (log.run, &2.into()));
    assert!(log.store.run_by_name("other").await.unwrap().is_none());
}

#[tokio::test]
async fn views_show_what_happened() {
    let log = Log::new().await;
    log.fill().await;
    let row = |a: &str, n: i64, b: &str| (a.to_owned(), n, b.to_owned());

    let mistakes = "SELECT wrong_answer, times, verdict FROM mistakes";
    assert_eq!(
        log.view(mistakes).await,
        [row("3", 2, "wrong"), row("(none)", 1, "no_answer")],
        "the most frequent first, and no time-outs"
    );
    let example = "SELECT problem_text, last_step, response FROM mistakes LIMIT 1";
    assert_eq!(log.view(example).await, [row("What is 1 + 1?", 1, "\\boxed{3}")]);
    let rescues = "SELECT kind, step, response FROM rescues";
    assert_eq!(log.view(rescues).await, [row("hint", 1, "\\boxed{2}")]);
    let history = "SELECT problem, correct, after FROM problem_history";
    assert_eq!(log.view(history).await, [row("a", 0, "some"), row("b", 1, "all")]);
    let steps = "SELECT run, step, CAST(none_pass AS TEXT) FROM step_summary";
    assert_eq!(log.view(steps).await, [row("r", 1, "1.0")]);
    let unsolved = "SELECT problem, tries, right_answer FROM unsolved_problems";
    assert_eq!(log.view(unsolved).await, [], "both were solved, one with a hint");
}

/// The queries that docs/schema.md shows.
#[tokio::test]
async fn every_documented_query_runs() {
    let log = Log::new().await;
    log.fill().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema.md");
    let text = std::fs::read_to_string(path).unwrap();
    let queries: Vec<&str> =
        text.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 10, "{} queries", queries.len());
    for query in queries {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&log.store.pool).await;
        assert!(rows.is_ok(), "{query}: {rows:?}");
    }
    // Every table and view is described.
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE '\\_%' \
         ESCAPE '\\'",
    )
    .fetch_all(&log.store.pool)
    .await
    .unwrap();
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "docs/schema.md does not describe {name}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let open = async |name: &str| {
        let path = folder.path().join(name);
        Store::open(&path).await.unwrap_err().to_string()
    };
    std::fs::write(folder.path().join("notes.txt"), "not a database, but long enough ".repeat(9))
        .unwrap();
    let error = open("notes.txt").await;
    assert!(error.contains("notes.txt") && error.contains("not a database"), "{error}");
    let error = open("missing/retrial.db").await;
    assert!(error.contains("missing/retrial.db"), "{error}");
}

#[tokio::test]
async fn a_log_of_a_newer_program_is_refused() {
    let log = Log::new().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', true, x'00', 0)",
    )
    .execute(&log.store.pool)
    .await
    .unwrap();
    let error = Store::open(&log.folder.path().join("retrial.db")).await.unwrap_err().to_string();
    assert!(error.contains("another version of retrial made it"), "{error}");
}
