//! Verifiers of one's own: a run with them ends as it should, whatever happens to them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use retrial_tests::{Ended, Project, root, shown};
use serde_json::{Value, json};
use sqlx::Row as _;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// A verifier of the demo's problems. It writes down what it is asked. The file `fault` says what
/// happens to it, once, when it is asked about the second step.
const PROGRAM: &str = r#"
import json, os, signal, sys, time

def once(what):
    try:
        os.close(os.open("happened", os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

fault = open("fault").read() if os.path.exists("fault") else ""
for line in sys.stdin:
    s = json.loads(line)
    with open("asked", "a") as asked:
        asked.write(s["id"] + "\n")
    verdict = {"id": s["id"], "reward": float(s["answer"] == s["gold"]), "reason": "compared"}
    if fault and s["id"].split("/")[1] == "2" and once(fault):
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif fault == "slow":
            time.sleep(600)
        elif fault == "silent":
            continue
        elif fault == "lie":
            verdict["reward"] = 7
        elif fault == "talk":
            print("I am thinking", flush=True)
    print(json.dumps(verdict), flush=True)
"#;

/// Held-out problems would only be more of the same.
const SETTINGS: [&str; 2] = ["--set", "data.heldout={}"];

/// A configuration of the demo's world with this `[reward]`.
fn configure(project: &Project, reward: &str) -> PathBuf {
    let demo = root().join("examples/dialects");
    let text = fs::read_to_string(demo.join("lte.toml")).unwrap();
    let mut text = text.replace("\"base\"", &format!("\"{}/base\"", demo.display()));
    for file in ["train", "heldout-new", "heldout-known"] {
        let here = format!("\"{file}.jsonl\"");
        text = text.replace(&here, &format!("\"{}/{file}.jsonl\"", demo.display()));
    }
    let config = project.path("mine.toml");
    fs::write(&config, format!("{text}\n[reward]\n{reward}\n")).unwrap();
    config
}

/// A project with the program, and its configuration.
fn with_program() -> (Project, PathBuf) {
    let project = Project::new();
    fs::write(project.path("verify.py"), PROGRAM).unwrap();
    let reward = "kind = \"command\"\ncommand = [\"python3\", \"verify.py\"]\nworkers = 2\n\
                  timeout_seconds = 0.5";
    let config = configure(&project, reward);
    (project, config)
}

/// How a run with the program ends that nothing happens to.
async fn expected() -> &'static Ended {
    static EXPECTED: OnceCell<Ended> = OnceCell::const_new();
    let run = async || {
        let (project, config) = with_program();
        let output = project.train_by(&config, &SETTINGS);
        assert!(output.status.success(), "{}", shown(&output));
        project.ended(2).await
    };
    EXPECTED.get_or_init(run).await
}

/// Verdicts of the log with how often each was given.
async fn verdicts(project: &Project) -> Vec<(String, i64)> {
    let log = project.log().await;
    let query = "SELECT verdict, count(*) FROM rollouts GROUP BY verdict ORDER BY verdict";
    let rows = sqlx::query(query).fetch_all(&log).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_decides_and_its_words_are_in_the_log() {
    let (project, config) = with_program();
    let output = project.train_by(&config, &SETTINGS);
    assert!(output.status.success(), "{}", shown(&output));
    let verdicts = verdicts(&project).await;
    let kinds: Vec<_> = verdicts.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(kinds, ["correct", "no_answer", "wrong"]);
    let log = project.log().await;
    let odd: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM rollouts WHERE reason IS NOT 'compared' OR reward IS NULL \
         OR (reward = 1.0) <> (verdict = 'correct')",
    )
    .fetch_one(&log)
    .await
    .unwrap();
    assert_eq!(odd, 0);
    let rescues: i64 =
        sqlx::query_scalar("SELECT count(*) FROM rescues").fetch_one(&log).await.unwrap();
    assert!(rescues > 0, "no problem was rescued");
    project.wait_for_nobody().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_program_the_run_ends_as_if_undisturbed() {
    for fault in ["kill", "stop", "slow", "silent", "lie", "talk"] {
        let (project, config) = with_program();
        fs::write(project.path("fault"), fault).unwrap();
        let output = project.train_by(&config, &SETTINGS);
        assert!(output.status.success(), "{fault}: {}", shown(&output));
        assert!(project.path("happened").exists(), "{fault} did not happen");
        project.ended(2).await.assert_is(expected().await, fault);
        project.wait_for_nobody().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_step_asks_for_no_verdict_twice() {
    let (project, config) = with_program();
    let crashed =
        project.train_by(&config, &[&SETTINGS[..], &["--crash-at", "half-first-trial@2"]].concat());
    assert!(!crashed.status.success(), "{}", shown(&crashed));
    let log = project.log().await;
    let rows = sqlx::query("SELECT step, problem, trial, position FROM rollouts");
    let rows = rows.fetch_all(&log).await.unwrap();
    let known: BTreeSet<String> = rows
        .iter()
        .map(|row| {
            let (step, position): (i64, i64) = (row.get(0), row.get(3));
            let (problem, trial): (String, String) = (row.get(1), row.get(2));
            format!("test/{step}/{problem}/{trial}/{position}")
        })
        .collect();
    assert!(known.iter().any(|id| id.starts_with("test/2/")), "step 2 has no verdicts yet");
    let asked = |project: &Project| -> BTreeSet<String> {
        let text = fs::read_to_string(project.path("asked")).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    assert!(known.is_subset(&asked(&project)), "{known:?}");
    fs::remove_file(project.path("asked")).unwrap();

    let resumed = project.train_by(&config, &[&SETTINGS[..], &["--resume"]].concat());
    assert!(resumed.status.success(), "{}", shown(&resumed));
    let again: Vec<_> = asked(&project).intersection(&known).cloned().collect();
    assert!(again.is_empty(), "asked for twice: {again:?}");
    project.ended(2).await.assert_is(expected().await, "a run that was killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_work_stops_the_run_with_the_reason() {
    let (project, config) = with_program();
    fs::write(project.path("verify.py"), "import no_such_module").unwrap();
    let output = project.train_by(&config, &SETTINGS);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("no_such_module") && error.contains("\nhint: "), "{error}");
    project.wait_for_nobody().await;
}

/// A service that spoils some of its answers.
#[derive(Clone)]
struct Service {
    spoiled: fn(usize) -> Option<StatusCode>,
    calls: Arc<AtomicUsize>,
}

async fn answer(
    State(service): State<Service>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    match (service.spoiled)(service.calls.fetch_add(1, Ordering::SeqCst)) {
        // It says nothing until the attempts are used up.
        Some(StatusCode::CONTINUE) => std::future::pending().await,
        Some(status) => return Err(status),
        None => {}
    }
    let submissions = body["submissions"].as_array().unwrap();
    let verdict = |s: &Value| {
        let reward = f64::from(u8::from(s["answer"] == s["gold"]));
        json!({"id": s["id"], "reward": reward, "reason": "compared"})
    };
    Ok(Json(json!({"verdicts": submissions.iter().map(verdict).collect::<Vec<_>>()})))
}

/// A run with a service that is at an address of its own.
async fn by_service(spoiled: fn(usize) -> Option<StatusCode>) -> (Project, Output) {
    let service = Service { spoiled, calls: Arc::default() };
    let app = Router::new().route("/verify", post(answer)).with_state(service);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/verify", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let project = Project::new();
    let reward = format!("kind = \"http\"\nurl = \"{url}\"\ntimeout_seconds = 1");
    let config = configure(&project, &reward);
    let run = spawn_blocking(move || {
        let output = project.train_by(&config, &SETTINGS);
        (project, output)
    });
    run.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_now_and_then_changes_nothing() {
    let (project, output) = by_service(|_| None).await;
    assert!(output.status.success(), "{}", shown(&output));
    let expected = project.ended(2).await;
    for (fault, spoiled) in [
        (
            "it is away",
            (|call| (call % 7 == 3).then_some(StatusCode::SERVICE_UNAVAILABLE))
                as fn(usize) -> Option<StatusCode>,
        ),
        ("it breaks", |call| (call % 7 == 3).then_some(StatusCode::INTERNAL_SERVER_ERROR)),
        ("it is stopped", |call| (call == 20).then_some(StatusCode::CONTINUE)),
    ] {
        let (project, output) = by_service(spoiled).await;
        assert!(output.status.success(), "{fault}: {}", shown(&output));
        project.ended(2).await.assert_is(&expected, fault);
    }
}

/// The example with code, as it stands.
fn code() -> PathBuf {
    root().join("examples/code/lte.toml")
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_trained_on_and_their_failures_are_in_the_log_by_kind() {
    let made = std::process::Command::new(root().join("examples/code/make.sh")).status();
    assert!(made.unwrap().success());
    let project = Project::new();
    let output = project.train_by(&code(), &SETTINGS);
    assert!(output.status.success(), "{}", shown(&output));
    // The model of the demo writes no code.
    let verdicts = verdicts(&project).await;
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].0, "no_answer");
    let log = project.log().await;
    let reasons: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT reason FROM rollouts").fetch_all(&log).await.unwrap();
    assert_eq!(reasons, ["no code block"]);
}

#[test]
fn grade_tries_a_verifier_on_a_file() {
    let project = Project::new();
    let mut lines = String::new();
    let mut problems = 0;
    for set in ["train", "heldout"] {
        let text = fs::read_to_string(root().join(format!("examples/code/{set}.jsonl"))).unwrap();
        for line in text.lines() {
            let problem: Value = serde_json::from_str(line).unwrap();
            let (id, gold) = (&problem["id"], &problem["answer"]);
            let right = json!({"id": id, "gold": gold, "response": problem["solution"]});
            let wrong = json!({"id": id, "gold": gold, "response": "```\nprint('no')\n```"});
            writeln!(lines, "{right}\n{wrong}").unwrap();
            problems += 1;
        }
    }
    lines.push_str("no JSON\n");
    fs::write(project.path("responses.jsonl"), lines).unwrap();
    let config = code();
    let output =
        project.retrial(["grade", "--reward", config.to_str().unwrap(), "responses.jsonl"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let graded: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(graded.len(), 2 * problems + 1);
    for (n, graded) in graded.iter().take(2 * problems).enumerate() {
        let (verdict, reward) = if n % 2 == 0 { ("correct", 1.0) } else { ("wrong", 0.0) };
        assert_eq!(
            (&graded["verdict"], &graded["reward"]),
            (&json!(verdict), &json!(reward)),
            "{graded}"
        );
    }
    assert_eq!(graded[2 * problems]["verdict"], "invalid");
}
