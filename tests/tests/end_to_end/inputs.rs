//! Models and data as people have them: from the hub, in public layouts, without a template; and a
//! run that goes on with the same, or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use retrial_tests::{Project, binary, root, shown};
use serde_json::{Value, json};

/// The smallest run.
const SMALL: [&str; 6] =
    ["--set", "run.steps=1", "--set", "evaluation.every=0", "--set", "data.heldout={}"];

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{}", shown(&output));
    output
}

/// The first problems of the demo.
fn problems(count: usize) -> Vec<Value> {
    let text = fs::read_to_string(root().join("examples/dialects/train.jsonl")).unwrap();
    text.lines().take(count).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rows as JSON Lines in the project; returns the setting that trains on them.
fn train_on(project: &Project, name: &str, rows: &[Value]) -> String {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(project.path(name), lines.join("\n")).unwrap();
    format!("data.train=\"{}\"", project.path(name).display())
}

fn base() -> PathBuf {
    root().join("examples/dialects/base")
}

/// A copy of the demo's model, with a change to one of its files; returns its setting.
fn changed_model(to: &Path, file: &str, change: impl FnOnce(&mut Value)) -> String {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(base()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let path = to.join(file);
    let mut content: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut content);
    fs::write(path, content.to_string()).unwrap();
    format!("model.path=\"{}\"", to.display())
}

async fn trained_problems(project: &Project) -> Vec<String> {
    let query = "SELECT text FROM problems WHERE split = 'train' ORDER BY rowid";
    sqlx::query_scalar(query).fetch_all(&project.log().await).await.unwrap()
}

#[tokio::test]
async fn public_layouts_are_trained_on() {
    let rows = problems(20);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let gsm8k = |row: &Value| {
        let answer = text(row, "answer");
        json!({ "question": row["problem"], "answer": format!("It is {answer}.\n#### {answer}") })
    };
    let verl = |row: &Value| {
        json!({ "data_source": "x", "prompt": [{ "role": "user", "content": row["problem"] }],
                "reward_model": { "ground_truth": row["answer"], "style": "rule" } })
    };
    let own = |row: &Value| json!({ "ask": { "it": row["problem"] }, "gold": row["answer"] });
    let columns = "data.columns={ problem = \"ask.it\", answer = \"gold\" }";
    // Each problem a hundred times, as DAPO is published.
    let often: Vec<Value> = rows.iter().flat_map(|row| vec![verl(row); 100]).collect();
    let cases = [
        (rows.iter().map(gsm8k).collect(), None, "GSM8K"),
        (often, None, "1,980 are duplicates"),
        (rows.iter().map(own).collect::<Vec<_>>(), Some(columns), ""),
    ];
    for (rows, columns, said) in cases {
        let project = Project::new();
        let train = train_on(&project, "data.jsonl", &rows);
        let mut arguments = [&SMALL[..], &["--set", &train]].concat();
        arguments.extend(columns.iter().flat_map(|columns| ["--set", columns]));
        let output = succeeds(project.train(&arguments));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        let expected: Vec<String> = problems(20).iter().map(|row| text(row, "problem")).collect();
        assert_eq!(trained_problems(&project).await, expected);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_used_are_counted() {
    let project = Project::new();
    let mut rows = problems(40);
    rows.insert(3, json!({ "problem": "What?", "answer": "proof" }));
    rows.push(json!({ "problem": "long ".repeat(500), "answer": "1" }));
    let train = train_on(&project, "data.jsonl", &rows);
    let output = succeeds(project.train(&[&SMALL[..], &["--set", &train]].concat()));
    let said = stderr(&output);
    for words in [
        "train: 40 problems of 42 rows",
        "1 has no answer that can be checked\n    ",
        "data.jsonl:4: ",
        "1 is too long\n",
        "data.jsonl:42: the prompt has 2507 tokens; with max_tokens 24 that is more",
    ] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    let query = "SELECT report -> '$.left_out[0].count' FROM inputs WHERE kind = 'train'";
    let count: String = sqlx::query_scalar(query).fetch_one(&project.log().await).await.unwrap();
    assert_eq!(count, "1");
}

#[tokio::test]
async fn a_run_goes_on_with_the_same_inputs_only() {
    let project = Project::new();
    let rows = problems(24);
    let train = train_on(&project, "data.jsonl", &rows);
    let folder = project.path("model");
    let model = changed_model(&folder, "tokenizer_config.json", |_| {});
    let held_out = project.path("held.jsonl");
    fs::copy(root().join("examples/dialects/heldout-known.jsonl"), &held_out).unwrap();
    let held_out = format!("data.heldout={{ a = \"{}\" }}", held_out.display());
    let settings = ["evaluation.every=0", "run.steps=1", &train, &model, &held_out];
    let run = |settings: &[&str]| {
        let sets = settings.iter().flat_map(|setting| ["--set", *setting]);
        project.train(&sets.chain(["--resume"]).collect::<Vec<_>>())
    };
    succeeds(run(&settings));
    let refused = |output: &Output, words: &str| {
        assert_eq!(output.status.code(), Some(2), "{}", shown(output));
        assert!(stderr(output).contains(words), "`{words}` is not in: {}", stderr(output));
        assert!(stderr(output).contains("run `test` cannot continue"), "{}", stderr(output));
    };

    let mut reversed = rows.clone();
    reversed.reverse();
    let mut edited = rows.clone();
    edited[4]["answer"] = "77".into();
    let extended = problems(25);
    let changes = [
        (&reversed[..], "the same problems are in another order"),
        (&edited, "problem 5 was edited"),
        (&rows[..20], "the last 4 problems are gone"),
        (&extended, "one problem was added at the end"),
    ];
    for (rows, words) in changes {
        train_on(&project, "data.jsonl", rows);
        refused(&run(&settings), words);
    }
    train_on(&project, "data.jsonl", &rows);
    let none = [&settings[..4], &["data.heldout={}"]].concat();
    refused(&run(&none), "the held-out set `a` of the start of the run is missing");
    let config = folder.join("tokenizer_config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text} ")).unwrap();
    refused(&run(&settings), "tokenizer_config.json differ");
    fs::write(&config, text).unwrap();

    // The same elsewhere, in another format, is the same.
    let array = Value::from(rows).to_string();
    fs::write(project.path("array.json"), array).unwrap();
    fs::rename(&folder, project.path("moved")).unwrap();
    let elsewhere = [
        "evaluation.every=0",
        "run.steps=2",
        &train.replace("data.jsonl", "array.json"),
        &model.replace("/model\"", "/moved\""),
        &held_out,
    ];
    let output = succeeds(run(&elsewhere));
    assert!(stderr(&output).contains("step 2"), "{}", shown(&output));
}

/// A hub with files by repository and name.
async fn hub(files: BTreeMap<String, Vec<u8>>) -> String {
    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    let files = Arc::new(files);
    let answer = move |uri: Uri| async move {
        let path = uri.path().trim_start_matches('/');
        if let Some(repository) = path.strip_prefix("api/") {
            let repository = repository.trim_end_matches("/revision/main");
            let repository = repository.trim_start_matches("models/");
            let prefix = format!("{repository}/");
            let names = files.keys().filter_map(|name| name.strip_prefix(&prefix));
            let siblings: Vec<Value> = names.map(|name| json!({ "rfilename": name })).collect();
            return axum::Json(json!({ "sha": COMMIT, "siblings": siblings })).into_response();
        }
        match files.get(&path.replace(&format!("resolve/{COMMIT}/"), "")) {
            Some(bytes) => {
                let tag = format!("\"{:x}\"", bytes.len());
                ([("etag", tag.as_str()), ("x-repo-commit", COMMIT)], bytes.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn model_and_data_of_the_hub() {
    let project = Project::new();
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(base()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        files.insert(format!("me/tiny/{name}"), fs::read(&path).unwrap());
    }
    let lines: Vec<String> = problems(20).iter().map(Value::to_string).collect();
    let data = "datasets/me/words/data/train-00000-of-00001.jsonl";
    files.insert(data.into(), lines.join("\n").into_bytes());
    let url = hub(files).await;
    let run = |endpoint: &str, steps: &str| {
        let config = root().join("examples/dialects/lte.toml");
        let settings = [
            "model.path=me/tiny",
            "data.train=hf://datasets/me/words",
            "data.heldout={}",
            "run.name=test",
            "rollout.problems=8",
            "rollout.group=4",
            "dashboard.enabled=false",
            steps,
        ];
        Command::new(binary("retrial"))
            .current_dir(project.path("."))
            .env("HF_ENDPOINT", endpoint)
            .env("HF_HOME", project.path("cache"))
            .env_remove("HF_TOKEN")
            .args(["run", config.to_str().unwrap(), "--resume"])
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .output()
            .unwrap()
    };
    succeeds(run(&url, "run.steps=1"));
    let query = "SELECT source FROM inputs ORDER BY kind";
    let sources: Vec<String> =
        sqlx::query_scalar(query).fetch_all(&project.log().await).await.unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let data = format!("hf://datasets/me/words@{commit}/data/train-00000-of-00001.jsonl");
    assert_eq!(sources, [format!("me/tiny@{commit}"), data]);
    // What was downloaded needs no hub.
    succeeds(run("http://127.0.0.1:9", "run.steps=2"));
}

#[test]
fn a_base_model_without_a_template() {
    let project = Project::new();
    let model = changed_model(&project.path("model"), "tokenizer_config.json", |config| {
        config.as_object_mut().unwrap().remove("chat_template").expect("it had one");
    });
    let refused = project.train(&[&SMALL[..], &["--set", &model]].concat());
    assert_eq!(refused.status.code(), Some(2), "{}", shown(&refused));
    assert!(stderr(&refused).contains("[prompts] chat = false"), "{}", stderr(&refused));
    let plain = ["--set", &model, "--set", "prompts.chat=false", "--set", "prompts.stop=[\"=\"]"];
    succeeds(project.train(&[&SMALL[..], &plain].concat()));
}

/// The embedded server is started for what the run can need, not for all that the model could read.
#[test]
fn a_model_with_a_long_context() {
    let project = Project::new();
    let model = changed_model(&project.path("model"), "config.json", |config| {
        config["max_position_embeddings"] = (1 << 20).into();
    });
    succeeds(project.train(&[&SMALL[..], &["--set", &model]].concat()));
    let log = fs::read_to_string(project.path("runs/test/policy.log")).unwrap();
    let loaded = log.lines().find(|line| line.contains("loaded the model")).unwrap();
    let context = loaded.split("context=").nth(1).unwrap().split(' ').next().unwrap();
    // The longest prompt has 17 tokens, a hint adds 1,024 at most, a response has 24.
    assert_eq!(context, "1065", "{loaded}");
}

/// A hub that takes what is pushed to it; returns its address and the commits by repository.
async fn taking_hub() -> (String, Arc<Mutex<BTreeMap<String, String>>>) {
    let commits = Arc::new(Mutex::new(BTreeMap::new()));
    let kept = Arc::clone(&commits);
    let answer = move |uri: Uri, body: String| async move {
        let path = uri.path().trim_start_matches("/api/");
        if path.ends_with("/preupload/main") {
            let asked: Value = serde_json::from_str(&body).unwrap();
            let files = asked["files"].as_array().unwrap().iter();
            let decided: Vec<Value> = files
                .map(|file| json!({ "path": file["path"], "uploadMode": "regular" }))
                .collect();
            return axum::Json(json!({ "files": decided }));
        }
        if let Some(repository) = path.strip_suffix("/commit/main") {
            kept.lock().unwrap().insert(repository.to_owned(), body);
        }
        axum::Json(json!({ "commitOid": "0123456789abcdef0123456789abcdef01234567" }))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, commits)
}

/// The files of a commit by their names.
fn files_of(commit: &str) -> BTreeMap<String, Vec<u8>> {
    let lines = commit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let files = lines.filter(|line| line["key"] == "file");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    files
        .map(|line| {
            let content = BASE64.decode(text(&line["value"]["content"])).unwrap();
            (text(&line["value"]["path"]), content)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_out_goes_to_the_hub() {
    let project = Project::new();
    succeeds(project.train(&SMALL));
    let (url, commits) = taking_hub().await;
    let push = |program: &str, arguments: &[&str], token: &str| {
        Command::new(binary(program))
            .current_dir(project.path("."))
            .env("HF_ENDPOINT", &url)
            .env("HF_HOME", project.path("cache"))
            .env("HF_TOKEN", token)
            .args(arguments)
            .output()
            .unwrap()
    };
    let version = project.version(1);
    let model = ["export", "--version", &version, "--out", "out", "--push", "me/tuned"];
    let refused = push("retrial-trainer", &model, "");
    assert!(stderr(&refused).contains("hint: set HF_TOKEN"), "{}", shown(&refused));
    assert!(!project.path("out").exists(), "nothing was written");
    succeeds(push("retrial-trainer", &model, "secret"));
    let mistakes = ["export", "mistakes", "mistakes.jsonl", "--push", "me/mistakes"];
    succeeds(push("retrial", &mistakes, "secret"));

    let commits = commits.lock().unwrap();
    let model = files_of(&commits["models/me/tuned"]);
    assert_eq!(
        model["model.safetensors"],
        fs::read(project.path("out/model.safetensors")).unwrap()
    );
    let card = String::from_utf8(model["README.md"].clone()).unwrap();
    for words in ["# test\n", "with LTE", "| steps | 1 |", "train: train.jsonl, ", "| none-pass |"]
    {
        assert!(card.contains(words), "`{words}` is not in:\n{card}");
    }
    assert!(model.contains_key("tokenizer.json") && model.contains_key("config.json"));
    let data = files_of(&commits["datasets/me/mistakes"]);
    assert_eq!(data["data/train.jsonl"], fs::read(project.path("mistakes.jsonl")).unwrap());
    let card = String::from_utf8(data["README.md"].clone()).unwrap();
    assert!(card.contains("failed responses"), "{card}");
}
