//! What is wrong is said clearly, with its place, before anything is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use retrial_tests::{Project, binary, root, shown};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Refused with exit code 2 and all of these words.
fn assert_refused(output: &Output, words: &[&str]) {
    assert_eq!(output.status.code(), Some(2), "{}", shown(output));
    let error = stderr(output);
    for word in words {
        assert!(error.contains(word), "`{word}` is not in:\n{error}");
    }
}

/// The names of what is in a project's folder.
fn content(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(project.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A data set of the project with these lines.
fn data(project: &Project, lines: &str) -> String {
    let path = project.path("data.jsonl");
    fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_owned()
}

fn base() -> PathBuf {
    root().join("examples/dialects/base")
}

/// A copy of the demo's model.
fn copy_model(to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(base()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn configuration() {
    let project = Project::new();
    let missing = project.retrial(["run", "none.toml"]);
    assert_refused(&missing, &["none.toml"]);
    assert_eq!(stderr(&missing).matches("No such file").count(), 1, "{}", shown(&missing));

    let cases: [(&str, &[&str]); 5] = [
        ("rollout.grup=4", &["grup", "group"]),
        ("run.steps=\"many\"", &["steps", "\"many\""]),
        ("rollout.group=1", &["group", "at least 2"]),
        ("objective.gamma=0", &["gamma"]),
        ("model.path=\"nowhere\"", &["nowhere", "tokenizer.json"]),
    ];
    for (setting, words) in cases {
        assert_refused(&project.train(&["--set", setting]), words);
    }
    assert_eq!(content(&project), [""; 0], "nothing was written");

    let path = project.path("broken.toml");
    let text = fs::read_to_string(root().join("examples/dialects/lte.toml")).unwrap();
    fs::write(&path, text.replace("[rollout]", "[rollouts]")).unwrap();
    let output = project.retrial(["run", "broken.toml"]);
    assert_refused(&output, &["broken.toml", "rollouts", "rollout"]);
}

#[test]
fn data_sets() {
    let project = Project::new();
    let sound = r#"{"id": "a", "problem": "In Vorl, what is 1 + 1 + 1?", "answer": "3"}"#;
    let long = "long ".repeat(500);
    let cases: [(String, &[&str]); 6] = [
        (String::new(), &["no problem can be used", "data.jsonl"]),
        (format!("{sound}\n{{\"problem\": 1}}\n"), &["data.jsonl:2", "max_left_out"]),
        (format!("{sound}\nnot JSON\n"), &["data.jsonl:2"]),
        (
            "{\"text\": \"What?\"}\n".into(),
            &["data.jsonl", "columns are text", "hint: name the columns"],
        ),
        (
            format!("{sound}\n{{\"problem\": \"What?\", \"answer\": \"\\\\frac{{1\"}}\n"),
            &["data.jsonl:2", "\\frac{1"],
        ),
        (
            format!("{sound}\n{{\"problem\": \"{long}\", \"answer\": \"1\"}}\n"),
            &["data.jsonl:2", "tokens", "context"],
        ),
    ];
    for (lines, words) in cases {
        let setting = format!("data.train=\"{}\"", data(&project, &lines));
        assert_refused(&project.train(&["--set", &setting]), words);
        assert_eq!(content(&project), ["data.jsonl"], "nothing was written");
    }
    let missing = format!("data.train=\"{}\"", project.path("none.jsonl").display());
    assert_refused(&project.train(&["--set", &missing]), &["none.jsonl"]);
}

#[test]
fn a_model_without_a_tensor() {
    let project = Project::new();
    let model = project.path("model");
    copy_model(&model);
    let config = model.join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let layers = "\"num_hidden_layers\": 3";
    assert!(text.contains(layers), "the demo's model has three layers");
    fs::write(&config, text.replace(layers, "\"num_hidden_layers\": 4")).unwrap();
    let setting = format!("model.path=\"{}\"", model.display());
    let output = project.train(&["--set", &setting]);
    assert_refused(&output, &["model.safetensors lacks 11 tensors", "model.layers.3."]);
    // Corrected, the same run begins with the corrected model.
    let corrected = project.train(&["--set", &setting.replace("/model\"", "/sound\"")]);
    assert_refused(&corrected, &["sound"]);
    copy_model(&project.path("sound"));
    let corrected = project.train(&["--set", &setting.replace("/model\"", "/sound\"")]);
    assert!(corrected.status.success(), "{}", shown(&corrected));
}

#[test]
fn a_server_that_is_not_there() {
    let project = Project::new();
    // A port that was free a moment ago, on an address that nothing else here listens on.
    let listener = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let setting = format!("server.urls=[\"http://{address}\"]");
    let output = project.train(&["--set", &setting]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(stderr(&output).contains(&address.to_string()), "{}", shown(&output));
    // The run is not in the log: once the server is there, the same command begins it.
    let again = project.train(&["--set", "run.steps=1"]);
    assert!(again.status.success(), "{}", shown(&again));
}

#[test]
fn a_port_in_use() {
    let project = Project::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = |program: &str, arguments: &[&str]| {
        std::process::Command::new(binary(program))
            .args(arguments)
            .args(["--port", &port, "--model"])
            .arg(base())
            .output()
            .unwrap()
    };
    let versions = project.path("versions");
    let trainer = run("retrial-trainer", &["serve", "--versions", versions.to_str().unwrap()]);
    for output in [trainer, run("retrial-policy", &[])] {
        assert_refused(&output, &[&format!("cannot listen on 127.0.0.1:{port}")]);
    }
    assert!(!versions.exists(), "nothing was written");
}

#[test]
fn an_existing_run_is_not_touched() {
    let project = Project::new();
    let first = project.train(&["--set", "run.steps=1", "--set", "evaluation.every=0"]);
    assert!(first.status.success(), "{}", shown(&first));
    let again = project.train(&["--set", "run.steps=1", "--set", "evaluation.every=0"]);
    assert_refused(&again, &["has a run `test` already", "--resume"]);
    let other = ["--resume", "--set", "evaluation.every=0", "--set", "objective.gamma=0.2"];
    assert_refused(&project.train(&other), &["another configuration", "objective.gamma"]);
}

/// Writes fail as on a full disk once a file reaches 1 MiB; the weights are larger, and the log is
/// not when the run begins.
#[test]
fn a_disk_that_takes_no_more() {
    let project = Project::new();
    let small = ["--set", "run.steps=1", "--set", "evaluation.every=0"];
    let limited = project.train_under("trap '' XFSZ; ulimit -f 2048; exec \"$@\"", &small);
    assert!(!limited.status.success(), "{}", shown(&limited));
    let error = stderr(&limited);
    assert!(error.contains("cannot write") && error.contains("model.safetensors"), "{error}");
    let leftover = fs::read_dir(project.path("runs/test"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with(['v', '.']));
    assert_eq!(leftover, None, "nothing half-written stays");
    // With room again, the same command runs.
    let output = project.train(&[&["--resume"], &small[..]].concat());
    assert!(output.status.success(), "{}", shown(&output));
}

#[test]
fn grade_goes_on_after_a_line_that_it_cannot_grade() {
    let project = Project::new();
    let good = r#"{"id": 1, "gold": "2", "response": "\\boxed{2}"}"#;
    let lines = [
        good.as_bytes(),
        b"{\"id\": \"torn\", \"gold\": \"2\", \"resp",
        b"",
        br#"{"id": 3, "gold": "2"}"#,
        br#"{"id": 4, "gold": "", "response": "x"}"#,
        b"{\"id\": 5, \"gold\": \"2\", \"response\": \"\xff\"}",
        good.as_bytes(),
    ];
    fs::write(project.path("cases.jsonl"), lines.join(&b'\n')).unwrap();
    let output = project.retrial(["grade", "cases.jsonl"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let graded: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<&str> = graded.iter().map(|line| line["verdict"].as_str().unwrap()).collect();
    assert_eq!(
        verdicts,
        ["correct", "invalid", "invalid", "invalid", "invalid", "correct"],
        "{text}"
    );
    assert_eq!(graded[2]["id"], 3);
    assert_eq!(graded[2]["line"], 4);
    assert!(graded[2]["reason"].as_str().unwrap().contains("response"), "{text}");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("4 of 6 lines of cases.jsonl could not be graded"), "{error}");
}
