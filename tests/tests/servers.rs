//! Against real servers; `make test-servers` installs and starts them.

use retrial_tests::{Project, shown};

/// The address of a server, in a variable that the script sets which starts it.
fn server(variable: &str) -> String {
    let url = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names the server"));
    format!("server.urls=[\"{url}\"]")
}

/// Three steps: each push is verified, and the log-probabilities that the server reports for what
/// it sampled are the trainer's.
async fn lte(server: &str) {
    let project = Project::new();
    let output = project.train(&["--set", server, "--set", "run.steps=3"]);
    assert!(output.status.success(), "{}", shown(&output));

    let log = project.log().await;
    let pushes: Vec<(i64, f64)> =
        sqlx::query_as("SELECT version, max_difference FROM weights ORDER BY version")
            .fetch_all(&log)
            .await
            .unwrap();
    assert_eq!(pushes.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(pushes.iter().all(|(_, difference)| *difference < 1e-4), "{pushes:?}");
    let mismatches: Vec<f64> =
        sqlx::query_scalar("SELECT value FROM step_metrics WHERE name = 'sampler_mismatch'")
            .fetch_all(&log)
            .await
            .unwrap();
    assert_eq!(mismatches.len(), 3);
    assert!(mismatches.iter().all(|mismatch| *mismatch < 1e-4), "{mismatches:?}");
}

#[tokio::test]
#[ignore = "needs vLLM: make test-servers"]
async fn lte_on_vllm() {
    lte(&server("RETRIAL_VLLM_URL")).await;
}

#[tokio::test]
#[ignore = "needs SGLang: make test-servers"]
async fn lte_on_sglang() {
    lte(&server("RETRIAL_SGLANG_URL")).await;
}

/// Weights that cannot be loaded: the run says so and stops; the server keeps the ones it had.
#[tokio::test]
#[ignore = "needs vLLM: make test-servers"]
async fn broken_weights_on_vllm() {
    let server = server("RETRIAL_VLLM_URL");
    let project = Project::new();
    let one = project.train(&["--set", &server, "--set", "run.steps=1"]);
    assert!(one.status.success(), "{}", shown(&one));
    // vLLM loads every safetensors file of a version's folder.
    let stray = project.path("runs/test/v000001/stray.safetensors");
    std::fs::write(stray, b"not a safetensors file").unwrap();
    let broken = project.train(&["--set", &server, "--set", "run.steps=2", "--resume"]);
    assert_eq!(broken.status.code(), Some(1), "{}", shown(&broken));
    let error = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(error.contains("no server has taken version 1"), "{error}");
    // It serves still: a new run begins on it.
    let again = project.train(&["--set", &server, "--set", "run.steps=1", "--set", "run.name=b"]);
    assert!(again.status.success(), "{}", shown(&again));
}
