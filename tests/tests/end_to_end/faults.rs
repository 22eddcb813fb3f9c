//! Servers that fail in the ways that servers do: the run recovers, and ends as if nothing had
//! happened, or stops with the reason. No rollout is lost or counted twice, and no failure becomes a
//! wrong answer.

use std::process::Output;

use retrial_tests::{Ended, Fault, Project, Proxy, ROLLOUTS, Running, Service, shown};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// Held-out problems would only be more of the same requests.
const SETTINGS: [&str; 3] =
    ["server.timeout_seconds=5", "server.push_timeout_seconds=5", "data.heldout={}"];
const ALWAYS: usize = usize::MAX / 4;

/// Log-probabilities as the run's own server reports them.
fn policy() -> Service {
    Service::policy(&["--logprobs-mode", "processed_logprobs"])
}

/// How a run ends whose servers never fail.
async fn expected() -> &'static Ended {
    static EXPECTED: OnceCell<Ended> = OnceCell::const_new();
    let run = async || {
        let (project, output) = train(&[]).await;
        assert!(output.status.success(), "{}", shown(&output));
        project.ended(2).await
    };
    EXPECTED.get_or_init(run).await
}

async fn assert_as_expected(project: &Project, fault: &str) {
    project.ended(2).await.assert_is(expected().await, fault);
}

fn sets<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    SETTINGS.iter().chain(settings).flat_map(|setting| ["--set", setting]).collect()
}

/// Runs in a new project.
async fn train(settings: &[&str]) -> (Project, Output) {
    let project = Project::new();
    let run = project.start(&sets(settings));
    (project, output(run).await)
}

/// Waits for a run without blocking the proxies, which live in this process.
async fn output(run: Running) -> Output {
    spawn_blocking(move || run.output()).await.expect("waiting does not panic")
}

/// The setting that has a run sample from two servers.
fn both(one: &str, other: &str) -> String {
    format!("server.urls=[\"{one}\", \"{other}\"]")
}

fn error_of(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", shown(output));
    String::from_utf8_lossy(&output.stderr).into_owned()
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
        proxy.spoil(Some(1), ROLLOUTS, fault, 5);
        let (project, output) = train(&[&proxy.setting()]).await;
        assert!(output.status.success(), "{fault:?}: {}", shown(&output));
        assert_eq!(proxy.left(), 0, "{fault:?} did not occur");
        assert_as_expected(&project, &format!("{fault:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_nothing_stops_the_run_with_both_numbers() {
    let policy = policy();
    let proxy = Proxy::start(&policy.url).await;
    // The first push is sound; at the second, however often it is made, the server keeps the weights it
    // has.
    proxy.spoil(Some(0), "/collective_rpc", Fault::Pretend, ALWAYS);
    proxy.spoil(Some(1), "/collective_rpc", Fault::Pretend, ALWAYS);
    let (project, output) = train(&[&proxy.setting()]).await;
    let error = error_of(&output);
    for words in ["does not serve version 1", "it has log-probability -", "the trainer has -"] {
        assert!(error.contains(words), "{error}");
    }
    let next = proxy.asked(Some(1), ROLLOUTS);
    assert_eq!(next, 0, "nothing was sampled with weights that were not verified");

    // The run has lost nothing by it.
    proxy.heal();
    let setting = proxy.setting();
    let resumed = output_of_resumed(&project, &setting).await;
    assert!(resumed.status.success(), "{}", shown(&resumed));
    assert_as_expected(&project, "a reload that changed nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_nothing_is_named_and_made_again() {
    let policy = policy();
    let proxy = Proxy::start(&policy.url).await;
    proxy.spoil(Some(0), "/collective_rpc", Fault::Pretend, 1);
    let (project, output) = train(&[&proxy.setting()]).await;
    assert!(output.status.success(), "{}", shown(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let named = format!("{} does not serve version 1", proxy.url);
    assert!(told.contains(&named) && told.contains("pushing the weights again"), "{told}");
    let counted = project.retrial([
        "sql",
        "SELECT step, value FROM step_metrics WHERE name = 'wrong_weights'",
        "--csv",
    ]);
    let counted = String::from_utf8_lossy(&counted.stdout).into_owned();
    assert!(counted.contains("1,1") && counted.contains("2,0"), "{counted}");
    assert_as_expected(&project, "a swallowed reload").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_of_other_weights_are_not_trained_on_but_sampled_anew() {
    let policy = policy();
    let proxy = Proxy::start(&policy.url).await;
    // All rollouts of the first trial.
    proxy.spoil(Some(1), ROLLOUTS, Fault::OtherNumbers, 12);
    let (project, output) = train(&[&proxy.setting()]).await;
    assert!(output.status.success(), "{}", shown(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("sampling step 2 again"), "{told}");
    assert_as_expected(&project, "rollouts of other weights").await;
}

async fn output_of_resumed(project: &Project, setting: &str) -> Output {
    output(project.start(&[sets(&[setting]), vec!["--resume"]].concat())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_only_fail_use_up_the_error_budget() {
    let policy = policy();
    let proxy = Proxy::start(&policy.url).await;
    proxy.spoil(Some(0), ROLLOUTS, Fault::InvalidLogprob, ALWAYS);
    let (project, output) = train(&[&proxy.setting(), "server.error_budget=10"]).await;
    let error = error_of(&output);
    assert!(error.contains("rollout requests failed since the last push"), "{error}");
    assert!(error.contains("has the log-probability -9999"), "{error}");
    let rollouts: i64 = sqlx::query_scalar("SELECT count(*) FROM rollouts")
        .fetch_one(&project.log().await)
        .await
        .expect("the log can be read");
    assert_eq!(rollouts, 0, "no failure became a rollout");
}

/// It is at version 0 then, whatever was pushed to it, and the run has to see that.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_anew_gets_the_weights_again() {
    // Whether its answers tell, or it has to be asked.
    for labelled in [true, false] {
        let mut policy = policy();
        let proxy = Proxy::start(&policy.url).await;
        proxy.spoil(Some(1), ROLLOUTS, Fault::Hold, 12);
        if !labelled {
            proxy.spoil(Some(1), ROLLOUTS, Fault::Unlabelled, ALWAYS);
        }
        let project = Project::new();
        let run = project.start(&sets(&[&proxy.setting()]));
        proxy.held().await;
        policy.start_anew();
        proxy.release();
        let output = output(run).await;
        assert!(output.status.success(), "{}", shown(&output));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("version 1 was pushed to it"), "{told}");
        assert_as_expected(&project, "a new start of the server").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_server_that_dies_goes_to_another() {
    let (one, other) = (policy(), policy());
    let proxy = Proxy::start(&one.url).await;
    proxy.spoil(Some(0), ROLLOUTS, Fault::Hold, ALWAYS);
    let project = Project::new();
    let run = project.start(&sets(&[&both(&proxy.url, &other.url)]));
    proxy.held().await;
    drop(one);
    proxy.release();
    let output = output(run).await;
    assert!(output.status.success(), "{}", shown(&output));
    assert_as_expected(&project, "the death of one of two servers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_is_named_and_left_out_until_the_next_push() {
    let (one, other) = (policy(), policy());
    let (sound, silent) = (Proxy::start(&one.url).await, Proxy::start(&other.url).await);
    silent.spoil(Some(0), ROLLOUTS, Fault::Stall, ALWAYS);
    let servers = both(&sound.url, &silent.url);
    let (project, output) = train(&[&servers, "server.stall_seconds=1"]).await;
    assert!(output.status.success(), "{}", shown(&output));

    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let waits =
        format!("waiting for {}: 6 requests in flight, nothing has arrived for", silent.url);
    assert!(told.contains(&waits), "{told}");
    assert!(told.contains("excluded until it accepts a push"), "{told}");

    assert!(silent.asked(Some(1), ROLLOUTS) > 0, "the push has brought it back");
    assert_as_expected(&project, "a silent server of two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_missed_a_push_gets_no_rollouts_until_it_has_one() {
    let (one, other) = (policy(), policy());
    let (sound, late) = (Proxy::start(&one.url).await, Proxy::start(&other.url).await);
    late.spoil(None, "/pause", Fault::Stall, 1);
    let (project, output) = train(&[&both(&sound.url, &late.url)]).await;
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(late.asked(None, "/resume"), 1, "its answer was lost: it may have been paused");
    assert_eq!(late.asked(None, ROLLOUTS), 0, "it does not serve version 0");
    assert!(late.asked(Some(1), ROLLOUTS) > 0, "it serves version 1");
    assert_as_expected(&project, "a missed push").await;
}
