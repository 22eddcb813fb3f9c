//! The dashboard of a run that goes on, and over one that has ended.

use std::net::TcpListener;
use std::time::Duration;

use retrial_tests::{Project, shown};
use serde_json::Value;

/// The JSON at an address, or why there is none.
async fn json(url: &str) -> Result<Value, String> {
    let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
    let (status, text) = (answer.status(), answer.text().await.map_err(|error| error.to_string())?);
    if !status.is_success() {
        return Err(format!("{status}: {text}"));
    }
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_run_is_watched_while_it_goes_on_and_afterwards() {
    let project = Project::new();
    let run = project.train_watched(&[]);
    // Events come until the run is over and takes its dashboard with it.
    let mut events = reqwest::get(format!("{}/events?run=test", run.url)).await.unwrap();
    let mut read = String::new();
    let all = tokio::time::timeout(Duration::from_mins(2), async {
        while let Ok(Some(chunk)) = events.chunk().await {
            read.push_str(&String::from_utf8_lossy(&chunk));
        }
    });
    assert!(all.await.is_ok(), "the run does not end");
    let statuses: Vec<Value> = read
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let seen = |test: &dyn Fn(&Value) -> bool| statuses.iter().any(|data| test(&data["status"]));
    assert!(seen(&|status| status["word"] == "running" && status["steps"] == 2), "{read}");
    assert!(
        seen(&|status| status["activities"].as_array().is_some_and(|all| !all.is_empty())),
        "no activity was seen: {read}"
    );
    let (success, told) = run.wait();
    assert!(success, "{told:#?}");

    let over = project.dashboard(&[]);
    let found = json(&format!("{}/api/runs/test", over.url)).await.unwrap();
    assert_eq!(found["status"]["live"], false);
    assert_eq!(found["status"]["step"], 2);
    let held_out = &found["sections"][0]["panels"][0];
    assert_eq!(held_out["x"], serde_json::json!([0, 1, 2]), "{held_out}");
    for path in ["/runs/test", "/runs/test/steps/1", "/mistakes?run=test", "/metrics"] {
        let answer = reqwest::get(format!("{}{path}", over.url)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn without_a_free_address_a_run_goes_on_and_a_dashboard_does_not() {
    let project = Project::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = format!("dashboard.listen={address}");
    let small = ["--set", "run.steps=1", "--set", "evaluation.every=0"];
    let watched = ["--set", "dashboard.enabled=true", "--set", &listen];
    let output = project.train(&[&small[..], &watched].concat());
    assert!(output.status.success(), "{}", shown(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("no dashboard") && told.contains(&address), "{told}");

    let refused = project.retrial(["dashboard", "--listen", &address]);
    assert_eq!(refused.status.code(), Some(2), "{}", shown(&refused));
    let open = project.retrial(["dashboard", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2), "{}", shown(&open));
    assert!(String::from_utf8_lossy(&open.stderr).contains("takes a token"), "{}", shown(&open));
    let none = project.retrial(["dashboard", "--db", "none.db"]);
    assert_eq!(none.status.code(), Some(2), "{}", shown(&none));
    assert!(!project.path("none.db").exists());
}
