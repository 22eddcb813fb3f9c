//! What goes wrong without a failure is said, and is in the log.

use std::process::Output;

use retrial_tests::{Fault, Project, Proxy, Service, shown};
use tokio::task::spawn_blocking;

const ALWAYS: usize = usize::MAX / 4;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn train(project: &Project, settings: &[&str]) -> Output {
    let sets: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let run = project.start(&sets);
    spawn_blocking(move || run.output()).await.expect("waiting does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_steps_in_which_every_response_is_cut_are_said_with_the_cause() {
    let project = Project::new();
    let output = train(&project, &["rollout.max_tokens=2", "data.heldout={}"]).await;
    assert!(output.status.success(), "{}", shown(&output));
    let said = stderr(&output);
    assert!(
        said.contains("for 2 steps now every response is cut at [rollout] max_tokens"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_that_are_given_up_are_counted_in_the_log_and_in_the_step_line() {
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
    let proxy = Proxy::start(&policy.url).await;
    proxy.spoil(Some(1), retrial_tests::ROLLOUTS, Fault::AbortFirst, ALWAYS);
    let project = Project::new();
    let settings = ["data.heldout={}", "rollout.problems=4", &proxy.setting()];
    let output = train(&project, &settings).await;
    assert!(output.status.success(), "{}", shown(&output));
    let query = "SELECT step, value FROM step_metrics WHERE name = 'given_up_rollouts'";
    let counted = project.retrial(["sql", query, "--csv"]);
    let counted = String::from_utf8_lossy(&counted.stdout).into_owned();
    assert!(counted.contains("1,0"), "{counted}");
    let second = counted.lines().last().and_then(|line| line.strip_prefix("2,")).map(str::to_owned);
    let count: f64 = second.expect("step 2 counts them").parse().expect("a number");
    assert!(count >= 4.0, "one of each group: {counted}");
    assert!(stderr(&output).contains("given up "), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_probabilities_are_compared_until_it_succeeds_and_raw_ones_are_told_apart() {
    let policy = Service::policy(&["--logprobs-mode", "raw_logprobs"]);
    let proxy = Proxy::start(&policy.url).await;
    // More than one request is made again for.
    proxy.spoil(Some(0), retrial_tests::ROLLOUTS, Fault::Status(429), 7);
    let project = Project::new();
    let tolerant = ["rollout.temperature=0.7", "server.tolerance=0.1", "data.heldout={}"];
    let output = train(&project, &[&tolerant[..], &[&proxy.setting()]].concat()).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert_eq!(proxy.left(), 0);
    let error = stderr(&output);
    assert!(error.contains("--logprobs-mode processed_logprobs"), "{error}");
}
