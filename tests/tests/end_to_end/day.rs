//! A day in minutes: two servers behind gateways that break one answer in ten in every way, that are
//! started anew again and again, and that swallow two reloads. The run ends as one that nothing
//! happened to.
//!
//! `make day` makes a hundred steps; how many, and the seconds between two starts, come from the
//! environment. What is broken follows from the seed and the requests; when a server is started anew
//! does not.

use std::sync::Arc;
use std::time::Duration;

use retrial_tests::{Breaking, Project, Proxy, Service, shown};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

const SEED: u64 = 19;
const PROBLEMS: u64 = 4;
const GROUP: u64 = 4;

/// A number of the environment.
fn given(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name);
    text.map_or(usual, |text| text.parse().expect("the environment gives a number"))
}

fn sets(steps: u64, more: &[String]) -> Vec<String> {
    let settings = [
        format!("run.steps={steps}"),
        format!("rollout.problems={PROBLEMS}"),
        format!("rollout.group={GROUP}"),
        "data.heldout={}".into(),
        "server.timeout_seconds=10".into(),
        "server.push_timeout_seconds=10".into(),
    ];
    settings.iter().chain(more).flat_map(|one| ["--set".to_owned(), one.clone()]).collect()
}

async fn run(project: &Project, steps: u64, more: &[String]) -> String {
    let all = sets(steps, more);
    let run = project.start(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let output = spawn_blocking(move || run.output()).await.expect("waiting does not panic");
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Kills one of two servers after the other, and starts it again.
async fn start_anew_for_ever(mut servers: [Service; 2], every: Duration) {
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.tick().await;
    loop {
        clock.tick().await;
        servers = spawn_blocking(move || {
            servers[0].start_anew();
            servers.reverse();
            servers
        })
        .await
        .expect("it starts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_broken_answers_restarts_and_swallowed_reloads_changes_nothing() {
    let steps = given("RETRIAL_DAY_STEPS", 20);
    let every = Duration::from_secs(given("RETRIAL_DAY_RESTART_SECONDS", 5));

    let undisturbed = Project::new();
    run(&undisturbed, steps, &[]).await;

    let servers = [(); 2].map(|()| Service::policy(&["--logprobs-mode", "processed_logprobs"]));
    let breaking = Arc::new(Breaking::new(SEED));
    let one = Proxy::breaking(&servers[0].url, &breaking).await;
    let other = Proxy::breaking(&servers[1].url, &breaking).await;
    one.swallow_reload_after(steps / 3);
    other.swallow_reload_after(2 * steps / 3);
    let starts = tokio::spawn(start_anew_for_ever(servers, every));

    let disturbed = Project::new();
    let urls = format!("server.urls=[\"{}\", \"{}\"]", one.url, other.url);
    let clock = std::time::Instant::now();
    let told = run(&disturbed, steps, &[urls]).await;
    starts.abort();

    for proxy in [&one, &other] {
        let swallowed = proxy.swallowed();
        let folder = swallowed.first().unwrap_or_else(|| panic!("no reload was swallowed"));
        let version: u64 =
            folder.rsplit('v').next().and_then(|v| v.parse().ok()).expect("a folder");
        let named = told.lines().any(|line| {
            let of_it = line.contains(&proxy.url) && line.contains("pushing the weights again");
            of_it && (version..=version + 1).any(|v| line.contains(&format!("version {v}:")))
        });
        assert!(named, "{} swallowed version {version}: {told}", proxy.url);
    }
    let broken = breaking.broken();
    println!("{} steps in {:.0?}; broken: {broken:?}", steps, clock.elapsed());
    if steps >= 100 {
        for fault in Breaking::all() {
            assert!(broken.contains_key(&fault), "{fault:?} did not occur");
        }
    }

    let log = disturbed.log().await;
    let first: i64 = sqlx::query_scalar("SELECT count(*) FROM rollouts WHERE trial = 'first'")
        .fetch_one(&log)
        .await
        .expect("the log can be read");
    assert_eq!(first.cast_unsigned(), steps * PROBLEMS * GROUP, "every rollout once");
    disturbed.ended(steps).await.assert_is(&undisturbed.ended(steps).await, "the day");
}
