//! Servers that fail in the ways that servers do: the run recovers, and ends as if nothing had
//! happened, or stops with the reason. No rollout is lost or counted twice, and no failure becomes a
//! wrong answer.

use retrial_tests::{Fault, Project, Proxy, Service, shown};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

const SETTINGS: [&str; 4] = ["--set", "server.timeout_seconds=3", "--set", "evaluation.every=0"];
const COMPLETIONS: &str = "/v1/completions";

/// Log-probabilities as the run's own server reports them.
fn policy() -> Service {
    Service::policy(&["--logprobs-mode", "processed_logprobs"])
}

/// Weights and log of a run.
type Ended = (Vec<u8>, Vec<String>);

async fn ended(project: &Project) -> Ended {
    (project.weights(2), project.log_content().await)
}

/// How a run ends whose servers never fail.
async fn expected() -> &'static Ended {
    static EXPECTED: OnceCell<Ended> = OnceCell::const_new();
    let run = async || {
        let project = Project::new();
        let output = project.train(&SETTINGS);
        assert!(output.status.success(), "{}", shown(&output));
        ended(&project).await
    };
    EXPECTED.get_or_init(run).await
}

async fn assert_as_expected(project: &Project, fault: &str) {
    let (weights, log) = ended(project).await;
    let expected = expected().await;
    assert!(weights == expected.0, "{fault}: the weights differ");
    assert_eq!(log, expected.1, "{fault}: the log differs");
}

/// Runs without blocking the proxies, which live in this process.
async fn train(project: Project, settings: Vec<String>) -> (Project, std::process::Output) {
    spawn_blocking(move || {
        let settings: Vec<&str> = settings.iter().flat_map(|set| ["--set", set]).collect();
        let output = project.train(&[&SETTINGS, settings.as_slice()].concat());
        (project, output)
    })
    .await
    .expect("the run does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn spoiled_answers_are_asked_for_again() {
    let policy = policy();
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Reset,
        Fault::Stall,
        Fault::HalfBody,
        Fault::FewerLogprobs,
        Fault::FewerChoices,
        Fault::InvalidLogprob,
        Fault::Abort,
    ] {
        let proxy = Proxy::start(&policy.url).await;
        // Enough in a row that the server is left out and brought back once.
        proxy.spoil(COMPLETIONS, fault, 4);
        let (project, output) = train(Project::new(), vec![proxy.setting()]).await;
        assert!(output.status.success(), "{fault:?}: {}", shown(&output));
        assert_eq!(proxy.left(), 0, "{fault:?} did not occur");
        assert_as_expected(&project, &format!("{fault:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_nothing_stops_the_run_with_both_numbers() {
    let policy = policy();
    let proxy = Proxy::start(&policy.url).await;
    let (project, output) =
        train(Project::new(), vec![proxy.setting(), "run.steps=1".into()]).await;
    assert!(output.status.success(), "{}", shown(&output));
    drop(project);
    // The server has version 1; now it only pretends to take another run's version 0.
    proxy.spoil("/collective_rpc", Fault::Pretend, 1);
    let (_, output) = train(Project::new(), vec![proxy.setting()]).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in ["does not serve version 0", "it has log-probability -", "the trainer has -"] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_anew_gets_the_weights_again() {
    let mut policy = policy();
    let proxy = Proxy::start(&policy.url).await;
    let project = Project::new();
    let run = project.start(&[&SETTINGS[..], &["--set", &proxy.setting()]].concat());
    project.wait_for_rollouts(2).await;
    policy.start_anew();
    let output = spawn_blocking(move || run.output()).await.unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_as_expected(&project, "a new start of the server").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_server_that_dies_goes_to_another() {
    let (one, other) = (policy(), policy());
    let project = Project::new();
    let both = format!("server.urls=[\"{}\", \"{}\"]", one.url, other.url);
    let run = project.start(&[&SETTINGS[..], &["--set", &both]].concat());
    project.wait_for_rollouts(1).await;
    drop(one);
    let output = spawn_blocking(move || run.output()).await.unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_as_expected(&project, "the death of one of two servers").await;
}
