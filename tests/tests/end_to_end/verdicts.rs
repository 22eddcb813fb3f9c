//! Verifiers in a run: rewards that are numbers, verdicts that are asked for once, responses that are
//! cut, and hints that do not give the right answer away.

use std::collections::HashSet;
use std::fs;

use retrial_tests::{Project, root, shown};
use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;

/// A verifier whose reward follows from the length of a response: 0, 0.25, 0.5, 0.75 or 1. It notes
/// what it was asked.
const BY_LENGTH: &str = r#"
import json, sys
for line in sys.stdin:
    s = json.loads(line)
    with open("ASKED", "a") as asked:
        asked.write(s["id"] + "\n")
    reward = len(s["response"]) % 5 / 4
    print(json.dumps({"id": s["id"], "reward": reward, "reason": "by length"}), flush=True)
"#;

/// A verifier that fails every response, with the only other answer.
const THE_OTHER: &str = r#"
import json, sys
for line in sys.stdin:
    s = json.loads(line)
    other = "no" if s["gold"] == "yes" else "yes"
    print(json.dumps({"id": s["id"], "reward": 0, "answer": other}), flush=True)
"#;

/// A project with a verifier, and the settings that ask it.
fn with_verifier(program: &str) -> (Project, Vec<String>) {
    let project = Project::new();
    let (verifier, asked) = (project.path("verify.py"), project.path("asked"));
    fs::write(&verifier, program.replace("ASKED", asked.to_str().unwrap())).unwrap();
    let command = format!("[\"python3\", {verifier:?}]");
    let own = format!("{{ kind = \"command\", command = {command}, workers = 2 }}");
    (project, sets(&[&format!("reward.parts.own={own}")]))
}

fn sets(settings: &[&str]) -> Vec<String> {
    settings.iter().flat_map(|setting| ["--set", setting]).map(str::to_owned).collect()
}

fn train(project: &Project, settings: &[String], more: &[&str]) -> std::process::Output {
    let all: Vec<&str> = settings.iter().map(String::as_str).chain(more.iter().copied()).collect();
    project.train(&all)
}

async fn count(log: &SqlitePool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(log).await.unwrap_or_else(|e| panic!("{query}: {e}"))
}

#[tokio::test]
async fn a_program_gives_numbers_and_is_asked_once() {
    let (project, settings) = with_verifier(BY_LENGTH);
    let output = train(&project, &settings, &["--crash-at", "train@1"]);
    assert!(!output.status.success(), "{}", shown(&output));
    let asked = || fs::read_to_string(project.path("asked")).unwrap();
    let before = asked();
    assert!(before.lines().any(|id| id.starts_with("test/1/")), "{before}");
    let output = train(&project, &settings, &["--resume"]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("(passed 0."), "{}", shown(&output));

    let all = asked();
    let ids: HashSet<&str> = all.lines().collect();
    assert_eq!(ids.len(), all.lines().count(), "a verdict was asked for twice");
    let log = project.log().await;
    let trained = ids.iter().filter(|id| id.ends_with(|c: char| c.is_ascii_digit()));
    let trained = trained.filter(|id| id.contains("/first/") || id.contains("/second/")).count();
    assert_eq!(count(&log, "SELECT count(*) FROM rollouts").await, trained as i64);
    let wrong = "SELECT count(*) FROM rollouts WHERE (verdict = 'correct') <> (reward = 1.0) \
                 OR reason <> 'by length' OR reward IS NULL OR rewards ->> 'own' <> reward";
    assert_eq!(count(&log, wrong).await, 0);
    let between = "SELECT count(*) FROM rollouts WHERE reward > 0 AND reward < 1";
    assert!(count(&log, between).await > 0);
    let metric = "SELECT count(*) FROM step_metrics WHERE name = 'first_trial_reward'";
    assert_eq!(count(&log, metric).await, 2);
    let evaluated = "SELECT count(*) FROM evaluation_rollouts WHERE reward > 0 AND reward < 1";
    assert!(count(&log, evaluated).await > 0);
}

#[tokio::test]
async fn no_hint_names_the_only_other_answer() {
    let (project, mut settings) = with_verifier(THE_OTHER);
    let lines = fs::read_to_string(root().join("examples/dialects/train.jsonl")).unwrap();
    let yes_or_no = lines.lines().take(40).enumerate().map(|(n, line)| {
        let problem: Value = serde_json::from_str(line).unwrap();
        let answer = if n % 2 == 0 { "yes" } else { "no" };
        json!({"problem": problem["problem"], "answer": answer}).to_string()
    });
    let data = project.path("yes-or-no.jsonl");
    fs::write(&data, yes_or_no.collect::<Vec<_>>().join("\n")).unwrap();
    settings.extend(sets(&[&format!("data.train={data:?}"), "hint.memory=run"]));
    let output = train(&project, &settings, &["--set", "run.steps=4"]);
    assert!(output.status.success(), "{}", shown(&output));

    let log = project.log().await;
    assert!(count(&log, "SELECT count(*) FROM mistakes WHERE kind = 'wrong'").await > 0);
    assert!(count(&log, "SELECT count(*) FROM hints").await >= 40);
    let telling = "SELECT count(*) FROM hints WHERE answers <> '[]' \
                   OR kind NOT IN ('plain', 'concise') OR answer_space <> 2";
    assert_eq!(count(&log, telling).await, 0);
    let by_space = "SELECT hinted FROM rescues_by_answer_space WHERE answer_space = 2";
    assert!(count(&log, by_space).await >= 40);
    let metric = "SELECT count(*) FROM step_metrics WHERE name = 'hinted_problems_2_answers'";
    assert_eq!(count(&log, metric).await, 4);
}

#[tokio::test]
async fn what_is_cut_is_graded_unless_it_is_to_fail() {
    let passed = "SELECT count(*) FROM rollouts WHERE finish = 'length' AND verdict = 'correct'";
    let failed = "SELECT count(*) FROM rollouts WHERE finish = 'length' AND verdict = 'no_answer'";
    for (truncated, of_cut, never) in [("graded", passed, failed), ("fail", failed, passed)] {
        let project = Project::new();
        let pattern = "kind = \"regex\", pattern = \"(?s).*\"";
        let (any, cut) =
            (format!("reward.parts.any={{ {pattern} }}"), format!("reward.truncated={truncated}"));
        let settings = sets(&[&any, &cut, "run.steps=1", "rollout.max_tokens=12"]);
        let output = train(&project, &settings, &[]);
        assert!(output.status.success(), "{}", shown(&output));
        let log = project.log().await;
        assert!(count(&log, of_cut).await > 0, "{truncated}");
        assert_eq!(count(&log, never).await, 0, "{truncated}");
    }
}
