//! `retrial check`: what would stop a run is found before it begins.

use retrial_tests::{Project, Service, root, shown};
use serde_json::Value;

struct Checked {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Checked {
    /// The text of the only finding about a subject, with its state before it.
    fn of(&self, subject: &str) -> String {
        let about: Vec<&Value> =
            self.findings.iter().filter(|finding| finding["subject"] == subject).collect();
        let [finding] = about.as_slice() else { panic!("{subject}: {about:?}") };
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        format!("{}: {}", text("state"), text("text"))
    }
}

fn check(project: &Project, settings: &[&str]) -> Checked {
    let config = root().join("examples/dialects/lte.toml");
    let sets = settings.iter().flat_map(|setting| ["--set", *setting]);
    let output =
        project.retrial(["check", config.to_str().unwrap(), "--json"].into_iter().chain(sets));
    let findings =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output)));
    Checked { code: output.status.code(), findings }
}

#[test]
fn the_demo_is_ready_to_run() {
    let project = Project::new();
    let checked = check(&project, &[]);
    assert_eq!(checked.code, Some(0), "{:?}", checked.findings);
    assert!(
        checked.findings.iter().all(|finding| finding["state"] == "ok"),
        "{:?}",
        checked.findings
    );
    let memory = checked.of("memory");
    assert!(memory.contains("an update on cpu takes about"), "{memory}");
    let data = checked.of("training data");
    assert!(data.contains("problems to train on; prompts of 17 to 17 tokens"), "{data}");
    assert!(checked.of("log").contains("will be created"));
    assert!(checked.of("log-probs").contains("the trainer's within"));
    let samples = checked.of("samples");
    assert!(samples.contains("32 responses to 8 problems: "), "{samples}");
    assert!(samples.contains("% cut at max_tokens, the others end with"), "{samples}");
    let left: Vec<_> = std::fs::read_dir(project.path("")).unwrap().collect();
    assert!(left.is_empty(), "it leaves nothing behind: {left:?}");
}

#[test]
fn memory_is_told_without_a_gpu() {
    let checked = check(&Project::new(), &["trainer.device=cuda", "trainer.ranks=2"]);
    let memory = checked.of("memory");
    assert!(memory.contains("MB on each of 2 ranks, "), "{memory}");
    assert!(memory.contains("\nGPUs that are enough: 1 of 24 GB, "), "{memory}");
}

#[test]
fn responses_that_are_cut_are_seen_before_a_run() {
    let checked = check(&Project::new(), &["rollout.max_tokens=2"]);
    let samples = checked.of("samples");
    assert!(samples.starts_with("warning: ") && samples.contains("100 % cut"), "{samples}");
    assert!(samples.contains("hint: responses are cut: set [rollout] max_tokens"), "{samples}");
}

#[test]
fn every_problem_is_found() {
    let project = Project::new();
    let checked = check(&project, &["model.path=/nowhere", "server.urls=[\"http://127.0.0.1:9\"]"]);
    assert_eq!(checked.code, Some(1));
    for subject in ["inputs", "model", "server", "trainer"] {
        let found = checked.of(subject);
        assert!(found.starts_with("problem: "), "{found}");
    }
}

#[test]
fn a_server_of_another_name() {
    let policy = Service::policy(&[]);
    let checked = check(&Project::new(), &["server.model=qwen", &policy.setting()]);
    assert_eq!(checked.code, Some(1));
    let server = checked.of("server");
    assert!(server.contains("it serves policy, not `qwen`\nhint: set [server] model"), "{server}");
}

/// vLLM's own default: log-probabilities that do not know the temperature.
#[test]
fn log_probabilities_before_the_temperature() {
    let policy = Service::policy(&["--logprobs-mode", "raw_logprobs"]);
    let hot = ["rollout.temperature=0.7", &policy.setting()];
    let checked = check(&Project::new(), &hot);
    let found = checked.of("log-probs");
    assert!(
        found.starts_with("warning: ") && found.contains("--logprobs-mode processed_logprobs"),
        "{found}"
    );

    let project = Project::new();
    let run = project.train(&["--set", hot[0], "--set", hot[1]]);
    assert_eq!(run.status.code(), Some(1), "{}", shown(&run));
    let error = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(error.contains("--logprobs-mode processed_logprobs"), "{error}");

    let even = check(&Project::new(), &["rollout.temperature=1.0", &policy.setting()]);
    assert!(even.of("log-probs").starts_with("ok: "));
}

#[test]
fn a_run_of_the_same_name() {
    let project = Project::new();
    let output = project.train(&["--set", "run.steps=1", "--set", "evaluation.every=0"]);
    assert!(output.status.success(), "{}", shown(&output));
    let log = check(&project, &["run.name=test"]).of("log");
    assert!(log.starts_with("warning: ") && log.contains("at step 1 of 40"), "{log}");
}
