//! Servers that say that they have new weights and keep the old ones, at a learning rate of 1e-6 and
//! under the noise of bf16 kernels; and healthy servers with that noise.

use std::process::Output;

use retrial_tests::{Fault, Project, Proxy, Service, shown};
use tokio::task::spawn_blocking;

/// As in our examples of large models: so wide that no mean difference shows anything.
const SETTINGS: [&str; 5] = [
    "optimizer.learning_rate=1e-6",
    "server.tolerance=0.1",
    "data.heldout={}",
    "run.steps=4",
    "rollout.problems=16",
];
const ALWAYS: usize = usize::MAX / 4;

async fn train(project: &Project, proxy: &Proxy, more: &[&str]) -> Output {
    let server = proxy.setting();
    let settings = SETTINGS.iter().copied().chain([server.as_str()]);
    let sets: Vec<&str> = settings.flat_map(|setting| ["--set", setting]).collect();
    let run = project.start(&[&sets, more].concat());
    spawn_blocking(move || run.output()).await.expect("waiting does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_weights_under_noise_are_named_within_three_steps_and_healthy_servers_are_not() {
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
    let healthy = Proxy::noisy(&policy.url, 1).await;
    let project = Project::new();
    let output = train(&project, &healthy, &[]).await;
    assert!(output.status.success(), "{}", shown(&output));

    for seed in 2..5 {
        let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
        let stale = Proxy::noisy(&policy.url, seed).await;
        for version in 0..4 {
            stale.spoil(Some(version), "/collective_rpc", Fault::Pretend, ALWAYS);
        }
        let project = Project::new();
        let output = train(&project, &stale, &[]).await;
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("of older weights than version"), "{error}");
        let named = (1..=3).any(|version| error.contains(&format!("than version {version},")));
        assert!(named, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_once_its_server_takes_weights_again() {
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
    let proxy = Proxy::noisy(&policy.url, 9).await;
    proxy.spoil(Some(0), "/collective_rpc", Fault::Pretend, 1);
    let project = Project::new();
    let output = train(&project, &proxy, &[]).await;
    assert!(output.status.success(), "{}", shown(&output));
}
