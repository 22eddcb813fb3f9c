//! Log lines for what collects logs.

use retrial_tests::{Project, shown};
use serde_json::Value;

/// The lines of a text, each of which is an object.
fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let lines: Vec<Value> = text.lines().map(parse).collect();
    for line in &lines {
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    lines
}

/// Whether one of the lines belongs to this step and phase of the run `test`.
fn has(lines: &[Value], step: u64, phase: &str, text: &str) -> bool {
    lines.iter().any(|line| {
        let span = &line["span"];
        span["run"] == "test"
            && span["step"] == step
            && span["phase"] == phase
            && line["message"].as_str().is_some_and(|message| message.contains(text))
    })
}

#[test]
fn every_line_is_an_object_that_says_where_it_belongs() {
    let project = Project::new();
    let json = "RETRIAL_LOG_FORMAT=json exec \"$@\"";
    let output = project.train_under(json, &["--set", "run.steps=1"]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(output.stdout.is_empty(), "the final table is a line like any other");
    let told = lines(&String::from_utf8(output.stderr).unwrap());
    assert!(has(&told, 1, "step", "step 1/1"), "{told:#?}");
    assert!(has(&told, 1, "evaluation", "held-out new"), "{told:#?}");
    assert!(told.iter().all(|line| line["span"]["run"] == "test"), "{told:#?}");
    let log = |name| {
        let path = project.path(&format!("runs/test/{name}.log"));
        lines(&std::fs::read_to_string(path).unwrap())
    };
    let trainer = log("trainer");
    assert!(has(&trainer, 1, "train", "a step was taken"), "{trainer:#?}");
    assert!(has(&trainer, 1, "push", "pushed"), "{trainer:#?}");
    let policy = log("policy");
    let reloaded = |line: &Value| line["message"].as_str().is_some_and(|m| m.contains("reloaded"));
    assert!(policy.iter().any(reloaded), "{policy:#?}");
    // Errors are lines too.
    let again = project.train_under(json, &[]);
    assert_eq!(again.status.code(), Some(2), "{}", shown(&again));
    let told = lines(&String::from_utf8(again.stderr).unwrap());
    let error = told.last().unwrap();
    assert_eq!(error["level"], "ERROR");
    assert!(error["message"].as_str().unwrap().contains("hint:"), "{error}");
}

#[test]
fn an_unknown_format_is_refused() {
    let project = Project::new();
    let output = project.train_under("RETRIAL_LOG_FORMAT=yaml exec \"$@\"", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("RETRIAL_LOG_FORMAT is `yaml`"), "{told}");
}
