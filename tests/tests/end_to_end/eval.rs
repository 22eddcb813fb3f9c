//! `retrial eval`: benchmarks without training, resumed, compared, from files and from a hub.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use axum::Router;
use axum::extract::Path as Route;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use retrial_tests::{Project, binary, root, shown};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

fn base() -> String {
    root().join("examples/dialects/base").to_str().unwrap().to_owned()
}

/// The first problems of a set of the demo world, in the project.
fn problems(project: &Project, set: &str, count: usize) -> String {
    let text = fs::read_to_string(root().join("examples/dialects").join(set)).unwrap();
    let lines: Vec<&str> = text.lines().take(count).collect();
    fs::write(project.path("problems.jsonl"), lines.join("\n")).unwrap();
    "own=problems.jsonl".into()
}

fn eval(project: &Project, arguments: &[&str]) -> Output {
    let usual = ["eval", "--max-tokens", "24", "--k", "4"];
    project.retrial(usual.iter().chain(arguments).copied())
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", shown(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_is_logged_resumed_and_compared() {
    let project = Project::new();
    let (data, base) = (problems(&project, "heldout-known.jsonl", 12), base());
    let arguments = ["--model", &base, "--data", &data, "--name", "base"];
    let first = eval(&project, &arguments);
    let table = stdout(&first);
    assert!(table.starts_with("| benchmark | problems | k |"), "{table}");
    assert!(table.contains("| own       |       12 | 4 |"), "{table}");
    assert!(String::from_utf8_lossy(&first.stderr).contains("own: 12/12 problems"));

    // What was interrupted goes on, with the same samples; the rest is not sampled again.
    let content = "SELECT problem, position, verdict, text FROM eval_rollouts ORDER BY 1, 2";
    let rows = async || -> Vec<(String, i64, String, String)> {
        sqlx::query_as(content).fetch_all(&project.log().await).await.unwrap()
    };
    let whole = rows().await;
    assert_eq!(whole.len(), 48);
    let options = SqliteConnectOptions::new().filename(project.path("retrial.db"));
    let mut log = options.connect().await.unwrap();
    for statement in [
        "CREATE TEMP TABLE gone AS SELECT problem FROM eval_problems WHERE place % 2 = 1",
        "DELETE FROM eval_rollouts WHERE problem IN (SELECT problem FROM gone)",
        "UPDATE eval_problems SET tries = NULL, correct = NULL \
         WHERE problem IN (SELECT problem FROM gone)",
    ] {
        sqlx::query(statement).execute(&mut log).await.unwrap();
    }
    drop(log);
    let again = eval(&project, &arguments);
    assert_eq!(stdout(&again), table);
    let progress = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(progress.contains("own: 6/12 problems"), "{progress}");
    assert_eq!(rows().await, whole);
    // A finished one is shown, for programs too.
    let json = stdout(&eval(&project, &[&arguments[..], &["--json"]].concat()));
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    let [low, mean, high] =
        ["pass_at_1_low", "pass_at_1", "pass_at_1_high"].map(|key| line[key].as_f64().unwrap());
    assert!(low <= mean && mean <= high && mean > 0.3, "{json}");
    let query = "SELECT pass_at_1 FROM eval_summary WHERE eval = 'base' AND done = 12";
    let logged: f64 = sqlx::query_scalar(query).fetch_one(&project.log().await).await.unwrap();
    assert!((logged - mean).abs() < 1e-12);

    // A version of a run, with the run's prompt and limit, against it.
    let trained = project.train(&["--set", "run.steps=1", "--set", "evaluation.every=0"]);
    stdout(&trained);
    let run = ["eval", "--run", "test@1", "--data", &data, "--k", "4"];
    assert!(stdout(&project.retrial(run)).contains("| own       |       12 | 4 |"));
    let compared = stdout(&project.retrial(["eval", "compare", "base", "test@1"]));
    assert!(compared.contains("| Pass@1 of base | of test@1 |"), "{compared}");
    let arguments = ["eval", "compare", "base", "test@1", "--json"];
    let row: serde_json::Value =
        serde_json::from_str(&stdout(&project.retrial(arguments))).unwrap();
    let [won, lost, same] = ["won", "lost", "same"].map(|key| row[key].as_u64().unwrap());
    assert_eq!(won + lost + same, 12, "{row}");
    let arguments = ["eval", "compare", "base", "test@1", "--problems", "--json"];
    let listed = stdout(&project.retrial(arguments));
    assert_eq!(listed.lines().count() as u64, won + lost, "{listed}");
}

#[test]
fn what_is_wrong_is_said() {
    let project = Project::new();
    let (data, base) = (problems(&project, "heldout-known.jsonl", 2), base());
    fs::write(project.path("bad.jsonl"), "{\"problem\": \"1+1?\"}\n").unwrap();
    let model = ["--model", base.as_str()];
    let own = ["--data", data.as_str()];
    let cases: [(Vec<&str>, &[&str]); 10] = [
        (own.to_vec(), &["no model to evaluate", "hint: give --model DIR"]),
        (model.to_vec(), &["nothing to evaluate on", "hint: --benchmark math500"]),
        ([&model[..], &["--benchmark", "math501"]].concat(), &["`math501`", "hint: they are"]),
        ([&model[..], &["--data", "own"]].concat(), &["NAME=FILE"]),
        ([&model[..], &["--data", "own=none.jsonl"]].concat(), &["none.jsonl"]),
        (
            [&model[..], &["--data", "own=bad.jsonl"]].concat(),
            &["bad.jsonl: no column is known to be the answer", "hint: name the columns"],
        ),
        ([&["--model", "nowhere"], &own[..]].concat(), &["nowhere"]),
        ([&["--run", "none"], &own[..]].concat(), &["there is no log", "hint:"]),
        (
            [&model[..], &own, &["--temperature", "0"]].concat(),
            &["temperature 0", "hint: add --k 1"],
        ),
        ([&model[..], &own, &["--top-p", "2"]].concat(), &["--top-p is 2"]),
    ];
    for (arguments, words) in cases {
        let output = eval(&project, &arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        for word in words {
            assert!(error.contains(word), "`{word}` is not in:\n{error}");
        }
    }
    assert!(!project.path("retrial.db").exists(), "nothing was written");
    let long =
        project.retrial(["eval", model[0], model[1], own[0], own[1], "--max-tokens", "9999"]);
    let error = String::from_utf8_lossy(&long.stderr).into_owned();
    assert!(long.status.code() == Some(2) && error.contains("hint: --max-tokens"), "{error}");

    stdout(&eval(&project, &[&model[..], &own].concat()));
    let refused: [(Vec<&str>, &[&str]); 2] = [
        (vec!["--temperature", "0.5"], &["temperature: 1.0 -> 0.5", "hint:"]),
        (vec!["--seed", "3"], &["seed: 0 -> 3", "--name"]),
    ];
    for (further, words) in refused {
        let output = eval(&project, &[&model[..], &own, &further].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let output = project.retrial(["eval", "compare", "base", "tuned"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("no evaluation `tuned`\nhint: its evaluations are: base"), "{error}");
}

const LINES: &str = "{\"id\": 0, \"question\": \"In Vorl, what is 1 + 1 + 1?\", \"answer\": 3.0}\n\
                     {\"id\": 1, \"question\": \"In Vorl, what is 2 + 1 + 1?\", \"answer\": 4.0}\n";

/// A hub that has AMC'23, for whoever has the token.
async fn hub() -> String {
    let allowed = |headers: &HeaderMap| {
        headers.get("authorization").is_some_and(|value| value == "Bearer secret")
    };
    let list = move |headers: HeaderMap| async move {
        if !allowed(&headers) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let files = r#"{"sha": "abc", "siblings": [{"rfilename": "README.md"}, {"rfilename": "test.jsonl"}]}"#;
        ([("content-type", "application/json")], files).into_response()
    };
    let file = move |Route(name): Route<String>, headers: HeaderMap| async move {
        if !allowed(&headers) || name != "test.jsonl" {
            return StatusCode::NOT_FOUND.into_response();
        }
        ([("etag", "\"123\""), ("x-repo-commit", "abc")], LINES).into_response()
    };
    let router = Router::new()
        .route("/api/datasets/math-ai/amc23/revision/main", get(list))
        .route("/datasets/math-ai/amc23/resolve/abc/{file}", get(file));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_benchmark_from_a_hub_and_its_cache() {
    let project = Project::new();
    let url = hub().await;
    let run = |url: &str, token: &str, benchmark: &str| {
        Command::new(binary("retrial"))
            .current_dir(project.path("."))
            .env("HF_ENDPOINT", url)
            .env("HF_HOME", project.path("cache"))
            .env("HF_TOKEN", token)
            .args(["eval", "--model", &base(), "--max-tokens", "24", "--k", "2"])
            .args(["--name", benchmark.split('=').next().unwrap(), "--benchmark", benchmark])
            .output()
            .unwrap()
    };
    let refused = run(&url, "", "amc23");
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains("math-ai/amc23") && error.contains("HF_TOKEN"), "{error}");

    let table = stdout(&run(&url, "secret", "amc23"));
    assert!(table.contains("| amc23     |        2 | 2 |"), "{table}");
    let cache = project.path("cache/hub/datasets--math-ai--amc23");
    assert!(Path::new(&cache).is_dir(), "the ordinary cache");
    // What the cache has needs no hub.
    let file = "amc23=hf://datasets/math-ai/amc23/test.jsonl";
    let away = run("http://127.0.0.1:9", "secret", file);
    assert!(stdout(&away).contains("| amc23     |        2 | 2 |"));
}
