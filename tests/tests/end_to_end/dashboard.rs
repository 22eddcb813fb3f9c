//! The dashboard of a run that goes on, and over one that has ended.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use retrial_tests::{Project, shown};
use serde_json::Value;

/// The JSON at an address, or why there is none.
async fn json(url: &str) -> Result<Value, String> {
    let answer =
        retrial_servers::plain_client().get(url).send().await.map_err(|error| error.to_string())?;
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
    let mut events = retrial_servers::plain_client()
        .get(format!("{}/events?run=test", run.url))
        .send()
        .await
        .unwrap();
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
        let answer = retrial_servers::plain_client()
            .get(format!("{}{path}", over.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

/// Asks something of a run. Returns the status, and the answer.
async fn ask(url: &str, command: &str, token: Option<&str>) -> (u16, String) {
    let request = retrial_servers::plain_client().post(format!("{url}/api/control/{command}"));
    let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Waits until what is at an address passes a test.
async fn wait_until(url: &str, test: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let found = json(url).await;
        if found.as_ref().is_ok_and(&test) {
            return;
        }
        assert!(Instant::now() < deadline, "it does not come to pass: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_run_is_controlled_by_whoever_has_the_token() {
    const TOKEN: &str = "0123456789abcdef";
    let project = Project::new();
    std::fs::write(project.path("token"), TOKEN).unwrap();
    let setting = format!("dashboard.token_file=\"{}\"", project.path("token").display());
    let run = project.train_watched(&["--set", &setting, "--set", "evaluation.every=0"]);
    assert_eq!(ask(&run.url, "pause", None).await.0, 401);
    assert_eq!(ask(&run.url, "pause", Some("0123456789abcdeg")).await.0, 401);
    assert_eq!(ask(&run.url, "leave", Some(TOKEN)).await.0, 400);
    let (status, pending) = ask(&run.url, "pause", Some(TOKEN)).await;
    assert!(status == 200 && pending.contains("\"pause\":true"), "{pending}");

    let here = format!("{}/api/runs/test", run.url);
    wait_until(&here, |found| {
        found["status"]["word"].as_str().is_some_and(|word| word.starts_with("paused"))
    })
    .await;
    for command in ["evaluate", "checkpoint"] {
        assert_eq!(ask(&run.url, command, Some(TOKEN)).await.0, 200);
    }
    wait_until(&here, |found| {
        let pending = &found["live"]["pending"];
        pending["evaluate"] == false && pending["checkpoint"] == false
    })
    .await;
    assert_eq!(ask(&run.url, "stop", Some(TOKEN)).await.0, 200);
    let (success, told) = run.wait();
    assert!(!success && told.iter().any(|line| line.contains("--resume")), "{told:#?}");

    // The evaluation and the kept weights are of the version at which the run was paused.
    let log = project.log().await;
    let version: i64 = sqlx::query_scalar("SELECT count(*) FROM steps WHERE committed_at NOT NULL")
        .fetch_one(&log)
        .await
        .unwrap();
    let evaluated: Vec<i64> =
        sqlx::query_scalar("SELECT DISTINCT version FROM evaluations ORDER BY version")
            .fetch_all(&log)
            .await
            .unwrap();
    assert!(evaluated.contains(&version), "{evaluated:?} lacks {version}");
    let kept = project.path(&format!("runs/test/checkpoints/v{version:06}/model.safetensors"));
    assert!(kept.exists(), "{}", kept.display());

    // Whatever was asked for, the run ends as it would have.
    let resumed = project.train(&["--resume", "--set", "evaluation.every=0"]);
    assert!(resumed.status.success(), "{}", shown(&resumed));
    let undisturbed = Project::new();
    let output = undisturbed.train(&["--set", "evaluation.every=0"]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(project.weights(2) == undisturbed.weights(2), "the weights differ");
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
    assert!(String::from_utf8_lossy(&open.stderr).contains("requires a token"), "{}", shown(&open));
    let none = project.retrial(["dashboard", "--db", "none.db"]);
    assert_eq!(none.status.code(), Some(2), "{}", shown(&none));
    assert!(!project.path("none.db").exists());
}

/// As under compose: the dashboard listens on all addresses, whoever reaches it reads, and it
/// outlives the run.
#[tokio::test]
async fn a_dashboard_is_kept_until_a_signal_ends_it() {
    const TOKEN: &str = "0123456789abcdef";
    let project = Project::new();
    let kept = [
        "run.steps=1",
        "evaluation.every=0",
        "dashboard.enabled=true",
        "dashboard.listen=0.0.0.0:0",
        "dashboard.read_without_token=true",
        "dashboard.keep=true",
    ];
    let kept: Vec<&str> = kept.iter().flat_map(|setting| ["--set", setting]).collect();
    let run = project.watched_with_token(TOKEN, &kept);
    let here = format!("{}/api/runs/test", run.url);
    wait_until(&here, |found| found["status"]["word"] == "finished").await;
    let found = json(&here).await.unwrap();
    assert_eq!((&found["status"]["live"], &found["status"]["step"]), (&false.into(), &1.into()));
    assert_eq!(
        retrial_servers::plain_client()
            .get(format!("{}/runs/test", run.url))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(ask(&run.url, "pause", None).await.0, 401, "control takes the token still");
    let (status, answer) = ask(&run.url, "pause", Some(TOKEN)).await;
    assert_eq!(status, 409, "what has ended cannot be controlled: {answer}");
    run.signal("TERM");
    let (success, told) = run.wait();
    assert!(success && told.iter().any(|line| line.contains("the run has ended")), "{told:#?}");

    // Up again: nothing is done twice.
    let before = project.log_content().await;
    let again = project.watched_with_token("", &[&kept[..], &["--resume"]].concat());
    let here = format!("{}/api/runs/test", again.url);
    wait_until(&here, |found| found["status"]["word"] == "finished").await;
    again.signal("TERM");
    assert!(again.wait().0);
    assert!(project.log_content().await == before, "the log of a finished run has changed");
}

/// How the run `test` is, by the dashboard over its log, and what it warned of.
async fn status_of(project: &Project) -> (String, Vec<Value>) {
    let dashboard = project.dashboard(&[]);
    let found = json(&format!("{}/api/runs/test", dashboard.url)).await.unwrap();
    let listed = json(&format!("{}/api/runs", dashboard.url)).await.unwrap();
    assert_eq!(listed[0]["status"], found["status"]["word"], "the list says the same");
    let notices = found["notices"].as_array().unwrap().clone();
    (found["status"]["word"].as_str().unwrap().to_owned(), notices)
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_run_ended_is_known_afterwards() {
    let project = Project::new();
    // Too short for any answer, which it warns of.
    let short = ["--set", "rollout.max_tokens=1", "--set", "evaluation.every=0"];
    let run = project.start(&[&short[..], &["--set", "run.steps=1000"]].concat());
    project.wait_for_rollouts(4).await;
    assert_eq!(status_of(&project).await.0, "running in another process");
    run.signal("TERM");
    assert_eq!(run.output().status.code(), Some(130));
    let (status, notices) = status_of(&project).await;
    assert_eq!(status, "stopped by a signal");
    let warned = |notice: &Value| notice["message"].as_str().unwrap().contains("is cut at");
    assert!(notices.iter().any(warned), "{notices:#?}");

    let more = [&short[..], &["--set", "run.steps=1000", "--resume"]].concat();
    let run = project.start(&more);
    project.wait_for_rollouts(9).await;
    run.signal("KILL");
    run.output();
    project.wait_for_nobody().await;
    assert_eq!(status_of(&project).await.0, "killed; continue with --resume");

    let refused = ["--set", "run.steps=1000", "--resume", "--set", "track.command=[\"nothing\"]"];
    let failed = project.train(&[&short[..], &refused].concat());
    assert_eq!(failed.status.code(), Some(2), "{}", shown(&failed));
    assert_eq!(status_of(&project).await.0, "killed; continue with --resume", "it never began");

    let dashboard = project.dashboard(&[]);
    let steps = json(&format!("{}/api/runs/test", dashboard.url)).await.unwrap();
    drop(dashboard);
    let steps = format!("run.steps={}", steps["status"]["step"]);
    let done = project.train(&[&short[..], &["--resume", "--set", &steps]].concat());
    assert!(done.status.success(), "{}", shown(&done));
    assert_eq!(status_of(&project).await.0, "finished");
}
