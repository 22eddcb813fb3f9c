//! A small run on the demo world, as a user sees it: the progress, the table, the log.

use std::process::Command;

use retrial_tests::{Project, binary, shown};
use sqlx::Row;

/// One step over many problems: none-pass problems of every kind are among them.
const ONE_STEP: [&str; 10] = [
    "--set",
    "run.steps=1",
    "--set",
    "rollout.problems=96",
    "--set",
    "rollout.group=8",
    "--set",
    "rollout.extra=8",
    "--set",
    "evaluation.every=0",
];

fn lines_of(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
}

/// The cells of the row of a table that begins with these.
fn row(lines: &[String], begins: &[&str]) -> Vec<String> {
    let cells = |line: &String| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    lines
        .iter()
        .map(cells)
        .find(|cells| cells.iter().zip(begins).all(|(cell, begin)| cell == begin))
        .unwrap_or_else(|| panic!("no row {begins:?} in {lines:#?}"))
}

#[tokio::test]
async fn a_step_of_lte() {
    let project = Project::new();
    let output = project.train(&ONE_STEP);
    assert!(output.status.success(), "{}", shown(&output));

    // What a person sees.
    let progress = lines_of(&output.stderr);
    let step = progress.iter().find(|line| line.starts_with("step 1/1")).expect("a line a step");
    for word in ["none/some/all-pass", "rescued", "concise", "concise+hint", "hint", "reward"] {
        assert!(step.contains(word), "`{word}` is not in: {step}");
    }
    let table = lines_of(&output.stdout);
    let none: Vec<usize> =
        row(&table, &["none-pass"])[1..].iter().map(|cell| cell.parse().unwrap()).collect();
    assert!(none[0] > none[1], "the second trial rescued some: {none:?}");
    for set in ["new", "known"] {
        row(&table, &[set, "25", "Pass@1"]);
        row(&table, &[set, "25", "Pass@2"]);
    }

    // What is in the log.
    let log = project.log().await;
    let count = async |query: &'static str| -> i64 {
        sqlx::query_scalar(query).fetch_one(&log).await.unwrap_or_else(|e| panic!("{query}: {e}"))
    };
    assert_eq!(count("SELECT count(*) FROM rollouts WHERE trial = 'first'").await, 96 * 8);
    let retried = count("SELECT count(*) FROM hints").await;
    assert_eq!(retried, none[0] as i64);
    assert_eq!(count("SELECT count(*) FROM rollouts WHERE trial = 'second'").await, retried * 8);
    let kinds = count("SELECT count(DISTINCT kind) FROM hints").await;
    assert!(kinds >= 3, "all three hinted prompts are in play: {kinds}");
    assert!(count("SELECT count(*) FROM rescues").await > 0);
    assert_eq!(count("SELECT count(*) FROM mistakes WHERE times = 0").await, 0);

    // Group sizes stay; a mistake says what a person wants to know.
    let mistake = sqlx::query("SELECT * FROM mistakes LIMIT 1").fetch_one(&log).await.unwrap();
    let text: String = mistake.get("problem_text");
    assert!(text.starts_with("In "), "{text}");

    let listed = project.retrial(["mistakes", "--limit", "3", "--json"]);
    assert!(listed.status.success(), "{}", shown(&listed));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.lines().count(), 3, "one JSON a line: {listed}");
    let table = project.retrial(["mistakes", "--limit", "3"]);
    assert!(table.status.success() && !table.stdout.is_empty(), "{}", shown(&table));

    // What the tallies say is what is there.
    let failures = "SELECT count(*) FROM rollouts WHERE kind IS NOT NULL";
    let failures = count(failures).await;
    assert_eq!(count("SELECT sum(times) FROM mistakes").await, failures);
    assert_eq!(count("SELECT failures FROM run_summary").await, failures);
    assert_eq!(count("SELECT count(*) FROM failure_documents").await, failures);
    assert_eq!(count("SELECT count(*) FROM problem_summary").await, 96);
}

/// The trainer computes with the adapter beside the model, the server with the two merged: each push
/// is verified, or the run would stop.
#[tokio::test]
async fn an_adapter_is_trained_in_place_of_the_weights() {
    let project = Project::new();
    let lora = "trainer.lora={ rank = 4, alpha = 8.0 }";
    let output = project.train(&["--set", "run.steps=2", "--set", lora]);
    assert!(output.status.success(), "{}", shown(&output));
    let version = std::path::PathBuf::from(project.version(2));
    assert!(version.join("adapter_config.json").exists());
    let bytes = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    let model = retrial_tests::root().join("examples/dialects/base/model.safetensors");
    assert!(5 * bytes(&version.join("adapter_model.safetensors")) < bytes(&model));
}

#[tokio::test]
async fn grpo_gives_no_second_trial() {
    let project = Project::new();
    let output = project.train(&["--set", "run.method=\"grpo\"", "--set", "run.steps=1"]);
    assert!(output.status.success(), "{}", shown(&output));
    let log = project.log().await;
    let second: i64 = sqlx::query_scalar("SELECT count(*) FROM rollouts WHERE trial = 'second'")
        .fetch_one(&log)
        .await
        .unwrap();
    assert_eq!(second, 0);
}

#[tokio::test]
async fn extra_rollouts_without_a_hint_are_on_policy() {
    let project = Project::new();
    let output = project.train(&["--set", "run.method=\"grpo_extra\"", "--set", "run.steps=1"]);
    assert!(output.status.success(), "{}", shown(&output));
    let log = project.log().await;
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT kind FROM hints").fetch_all(&log).await.unwrap();
    assert_eq!(kinds, ["plain"]);
    let hinted: f64 =
        sqlx::query_scalar("SELECT value FROM step_metrics WHERE name = 'hinted_tokens'")
            .fetch_one(&log)
            .await
            .unwrap();
    assert_eq!(hinted, 0.0);
}

#[tokio::test]
async fn solutions_of_the_data_set_take_the_place_of_failures() {
    let project = Project::new();
    let gold = ["--set", "run.method=gold", "--set", "run.steps=1"];
    let refused = project.train(&gold);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("has no `solution`") && error.contains("hint: "), "{error}");

    let made = Command::new(binary("dialects"))
        .args(["problems", "--solutions", "--out"])
        .arg(project.path("solved"))
        .output();
    assert!(made.expect("dialects can be started").status.success());
    let train = format!("data.train={:?}", project.path("solved/train.jsonl"));
    let output = project.train(&[&gold[..], &["--set", &train]].concat());
    assert!(output.status.success(), "{}", shown(&output));
    let log = project.log().await;
    let groups: Vec<(String, String)> =
        sqlx::query_as("SELECT before, after FROM groups").fetch_all(&log).await.unwrap();
    assert!(groups.iter().any(|(before, after)| before == "none" && after == "some"), "{groups:?}");
    assert!(!groups.iter().any(|(_, after)| after == "none"), "{groups:?}");
    let number = async |query: &'static str| -> f64 {
        sqlx::query_scalar(query).fetch_one(&log).await.unwrap()
    };
    let second = "SELECT count(*) * 1.0 FROM rollouts WHERE trial = 'second'";
    assert_eq!(number(second).await, 0.0, "nothing more is sampled");
    let off_policy = "SELECT value FROM step_metrics WHERE name = 'hinted_tokens'";
    assert!(number(off_policy).await > 0.0);
}

/// With a staleness of one, rollouts are sampled while the trainer works: with weights one version
/// older, the same ones each time, and each once even if the run was killed.
#[tokio::test]
async fn rollouts_ahead_of_the_trainer() {
    let steps = ["--set", "rollout.max_staleness=1", "--set", "run.steps=3"];
    let versions = async |project: &Project| -> Vec<(i64, i64, i64)> {
        let query = "SELECT step, version, count(*) FROM rollouts \
                     GROUP BY step, version ORDER BY step";
        sqlx::query_as(query).fetch_all(&project.log().await).await.expect("the log answers")
    };
    let (one, other, killed) = (Project::new(), Project::new(), Project::new());
    for project in [&one, &other] {
        let output = project.train(&steps);
        assert!(output.status.success(), "{}", shown(&output));
    }
    let found = versions(&one).await;
    let sampled: Vec<(i64, i64)> =
        found.iter().map(|&(step, version, _)| (step, version)).collect();
    assert_eq!(sampled, [(1, 0), (2, 0), (3, 1)]);
    assert!(one.weights(3) == other.weights(3), "equal runs end with other weights");
    assert_eq!(one.log_content().await, other.log_content().await);

    let crash = [&steps[..], &["--crash-at", "train@2"]].concat();
    assert!(!killed.train(&crash).status.success());
    let output = killed.train(&[&steps[..], &["--resume"]].concat());
    assert!(output.status.success(), "{}", shown(&output));
    let count = |rows: &[(i64, i64, i64)], step| -> i64 {
        rows.iter().filter(|row| row.0 == step && row.1 <= step).map(|row| row.2).sum()
    };
    let after = versions(&killed).await;
    for step in [1, 2] {
        assert_eq!(count(&after, step), count(&found, step), "step {step}");
    }
    assert!(
        after.iter().all(|&(step, version, _)| (step - 2..step).contains(&version)),
        "{after:?}"
    );
}
