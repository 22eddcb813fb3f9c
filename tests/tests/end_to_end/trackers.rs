//! A tracker is told the whole run, and never costs the run anything.

use std::collections::BTreeMap;
use std::path::Path;

use retrial_tests::{Project, shown};
use serde_json::Value;

/// A setting that makes a shell script the tracker.
fn script(text: &str) -> String {
    format!("track.command={}", serde_json::json!(["sh", "-c", text]))
}

fn events(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the tracker wrote a file");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

/// All numbers of the run by step, as the log has them.
fn logged(project: &Project) -> BTreeMap<u64, Value> {
    let exported = project.retrial(["export", "metrics", "-"]);
    assert!(exported.status.success(), "{}", shown(&exported));
    let text = String::from_utf8_lossy(&exported.stdout).into_owned();
    let steps = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    steps.map(|step| (step["step"].as_u64().unwrap(), step["metrics"].clone())).collect()
}

/// All numbers that a tracker was told, by step.
fn told(events: &[Value]) -> BTreeMap<u64, Value> {
    let mut told: BTreeMap<u64, Value> = BTreeMap::new();
    for kind in ["step", "evaluation"] {
        for event in of_kind(events, kind) {
            let step = told.entry(event["step"].as_u64().unwrap()).or_insert_with(json_object);
            let metrics = event["metrics"].as_object().unwrap().clone();
            step.as_object_mut().unwrap().extend(metrics);
        }
    }
    told
}

fn json_object() -> Value {
    Value::Object(serde_json::Map::new())
}

#[test]
fn it_is_told_every_number_of_the_log_and_a_resumed_run_tells_them_again() {
    let project = Project::new();
    let output = project.train(&["--set", &script("cat > first.jsonl")]);
    assert!(output.status.success(), "{}", shown(&output));

    let first = events(&project.path("first.jsonl"));
    assert_eq!((&first[0]["event"], &first[0]["run"]), (&"run".into(), &"test".into()));
    assert_eq!(first[0]["resumed"], false);
    assert_eq!(first[0]["config"]["run"]["method"], "lte");
    let last = first.last().unwrap();
    assert_eq!((&last["event"], &last["outcome"]), (&"end".into(), &"finished".into()));
    assert_eq!(told(&first), logged(&project));
    assert_eq!(told(&first).keys().copied().collect::<Vec<_>>(), [0, 1, 2]);

    let more = ["--resume", "--set", "run.steps=3", "--set", &script("cat > second.jsonl")];
    let output = project.train(&more);
    assert!(output.status.success(), "{}", shown(&output));
    let second = events(&project.path("second.jsonl"));
    assert_eq!((&second[0]["resumed"], &second[0]["id"]), (&true.into(), &first[0]["id"]));
    let replayed: Vec<(u64, bool)> = of_kind(&second, "step")
        .iter()
        .map(|step| (step["step"].as_u64().unwrap(), step["replayed"].as_bool().unwrap()))
        .collect();
    assert_eq!(replayed, [(1, true), (2, true), (3, false)]);
    let evaluated: Vec<&Value> =
        of_kind(&second, "evaluation").iter().map(|event| &event["step"]).collect();
    assert_eq!(evaluated, [0, 1, 2, 3], "each once");
    assert_eq!(told(&second), logged(&project));
}

#[test]
fn one_that_ends_early_is_named_once_and_the_run_goes_on() {
    let project = Project::new();
    let dies = script("read line; echo no more >&2; exit 3");
    let output = project.train(&["--set", &dies]);
    assert!(output.status.success(), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("ended before the run did").count(), 1, "{}", shown(&output));
    for word in ["exit status: 3", "no more", "tracker.log", "retrial export metrics"] {
        assert!(said.contains(word), "{word}: {}", shown(&output));
    }
    assert_eq!(logged(&project).len(), 3);
}

#[test]
fn one_that_does_not_end_is_killed_after_its_time() {
    let project = Project::new();
    let stays = script("echo $$ > tracker.pid; exec sleep 1000");
    let output = project.train(&["--set", &stays, "--set", "track.end_seconds=1"]);
    assert!(output.status.success(), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("was killed") && said.contains("end_seconds"), "{}", shown(&output));
    let id = std::fs::read_to_string(project.path("tracker.pid")).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
    assert!(state.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound), "it is gone");
}

#[test]
fn one_that_is_not_there_is_named_before_the_run_begins() {
    let project = Project::new();
    let output = project.train(&["--set", "track.command=[\"no-such-tracker\"]"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no-such-tracker") && said.contains("hint:"), "{}", shown(&output));
    assert!(logged(&project).is_empty(), "no step was made");
}

#[test]
fn warnings_and_the_reason_of_a_failure_are_told() {
    let project = Project::new();
    // No response can be right with one token: the run warns of it after two steps.
    let tracker = script("cat > told.jsonl");
    let output = project.train(&["--set", "rollout.max_tokens=1", "--set", &tracker]);
    assert!(output.status.success(), "{}", shown(&output));
    let told = events(&project.path("told.jsonl"));
    let warnings = of_kind(&told, "warning");
    let text = "every response is cut";
    let found = warnings.iter().find(|w| w["message"].as_str().unwrap().contains(text));
    let found = found.unwrap_or_else(|| panic!("no warning of it in {warnings:#?}"));
    assert_eq!(found["level"], "warning");
}
