//! "Look here": faults of real runs are listed within two steps, and nothing is in a healthy one.

use std::fs;
use std::process::Output;

use retrial_tests::{Fault, Project, Proxy, Service, shown};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

/// A verifier that never gives a verdict.
const DEAD: &str = "import sys\nfor line in sys.stdin:\n    sys.exit(1)\n";

fn train(project: &Project, settings: &[&str]) -> Output {
    let all = ["evaluation.every=0", "data.heldout={}"].into_iter().chain(settings.iter().copied());
    let sets: Vec<&str> = all.flat_map(|setting| ["--set", setting]).collect();
    project.train(&sets)
}

/// The kinds of what `retrial status` lists.
fn listed(project: &Project) -> Vec<String> {
    let output = project.retrial(["status", "test", "--json"]);
    assert!(output.status.success(), "{}", shown(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kind = |entry: &Value| entry["kind"].as_str().unwrap().to_owned();
    found["attention"].as_array().unwrap().iter().map(kind).collect()
}

fn assert_listed(project: &Project, kind: &str) {
    let found = listed(project);
    assert!(found.iter().any(|known| known == kind), "{kind} is not among {found:?}");
    let output = project.retrial(["status"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Look here") && text.contains("/runs/test"), "{text}");
}

#[test]
fn a_healthy_run_has_nothing_to_look_at() {
    let project = Project::new();
    let output = train(&project, &[]);
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(listed(&project), [""; 0]);
    let output = project.retrial(["status"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("test: finished\nstep 2 · "), "{text}");
    assert!(text.contains("Nothing needs attention."), "{text}");
    let unknown = project.retrial(["status", "other"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", shown(&unknown));
}

#[test]
fn responses_that_are_all_cut_are_listed() {
    let project = Project::new();
    let output = train(&project, &["rollout.max_tokens=1"]);
    assert!(output.status.success(), "{}", shown(&output));
    assert_listed(&project, "all_cut");
    assert_listed(&project, "no_spread");
    assert_listed(&project, "warnings");
}

#[test]
fn a_policy_without_entropy_is_listed() {
    let project = Project::new();
    let output = train(&project, &["rollout.temperature=0.01"]);
    assert!(output.status.success(), "{}", shown(&output));
    assert_listed(&project, "entropy_collapse");
}

#[test]
fn a_dead_verifier_is_listed() {
    let project = Project::new();
    let verifier = project.path("verify.py");
    fs::write(&verifier, DEAD).unwrap();
    let command = json!(["python3", verifier]).to_string();
    let part = format!("reward.parts.own={{ kind = \"command\", command = {command} }}");
    let output = train(&project, &[&part]);
    let kind = if output.status.success() { "verifier" } else { "ended" };
    assert_listed(&project, kind);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_weights_are_listed() {
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
    let proxy = Proxy::start(&policy.url).await;
    proxy.spoil(Some(0), "/collective_rpc", Fault::Pretend, 1);
    let setting = proxy.setting();
    let (output, project) = spawn_blocking(move || {
        let project = Project::new();
        (train(&project, &[&setting]), project)
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_listed(&project, "stale_weights");
}
