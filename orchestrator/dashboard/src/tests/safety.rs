//! Requests that are rejected.

use retrial_config::DashboardConfig;

use super::fixture::Log;

const TOKEN: &str = "0123456789abcdef";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn what_is_not_there_is_said_well() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let cases = [
        ("/nothing", 404),
        ("/runs/none", 404),
        ("/runs/one/steps/99", 404),
        ("/runs/one/steps/x", 400),
        ("/runs/one/problem", 400),
        ("/runs/one/problem?id=none", 404),
        ("/runs/one/steps?page=0", 400),
        ("/mistakes?kind=right", 400),
        ("/compare", 400),
        ("/assets/../Cargo.toml", 404),
        ("/events?run=none", 404),
    ];
    for (path, status) in cases {
        let answer = asked.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let expected = if path.starts_with("/events") { "application/json" } else { "text/html" };
        assert!(kind.starts_with(expected), "{path}: {kind}");
        let text = answer.text().await.unwrap();
        if expected == "text/html" {
            assert!(text.contains("<h1>") && text.contains("All runs"), "{path}");
        }
    }
    for (path, status) in
        [("/api/runs/none", 404), ("/api/none", 404), ("/api/mistakes?limit=5000", 400)]
    {
        let answer = asked.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: serde_json::Value =
            serde_json::from_str(&answer.text().await.unwrap()).expect(path);
        assert!(body["error"].is_string(), "{path}");
    }
    let written = asked.http.delete(format!("{}/runs/one", asked.url)).send().await.unwrap();
    assert_eq!(written.status(), 403);
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let log = Log::new().await;
    let asked = log.asked().await;
    for path in ["/runs/one", "/api/runs", "/nothing", "/healthz"] {
        let answer = asked.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["x-frame-options"], "DENY");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn other_hosts_and_other_sites_are_refused() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let with = async |path: &str, name: &str, value: &str| {
        let request = asked.http.get(format!("{}{path}", asked.url)).header(name, value);
        request.send().await.unwrap().status()
    };
    assert_eq!(with("/runs", "host", "evil.example:8080").await, 403);
    assert_eq!(with("/api/runs", "host", "evil.example").await, 403);
    assert_eq!(with("/events", "host", "evil.example").await, 403);
    assert_eq!(with("/runs", "host", "localhost:1").await, 200);
    let login = |origin: &'static str| {
        asked
            .http
            .post(format!("{}/login", asked.url))
            .header("origin", origin)
            .header("content-type", FORM)
            .body("token=x")
            .send()
    };
    assert_eq!(login("http://evil.example").await.unwrap().status(), 403);
}

#[tokio::test]
async fn control_needs_a_token_and_a_run() {
    let log = Log::new().await;
    let ask = async |asked: &super::fixture::Client, token: &str| {
        let request = asked.http.post(format!("{}/api/control/pause", asked.url));
        request.bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!(ask(&log.asked().await, TOKEN).await, 403, "without a token nobody controls");
    let token_file = log.folder.path().join("token");
    std::fs::write(&token_file, TOKEN).unwrap();
    let token_file = Some(token_file);
    let asked = log.asked_with(DashboardConfig { token_file, ..DashboardConfig::default() }).await;
    assert_eq!(ask(&asked, "wrong").await, 401);
    assert_eq!(ask(&asked, TOKEN).await, 409, "there is no run to control");
    assert_eq!(asked.get("/runs").await.status(), 200, "on this machine reading is free");
}

#[tokio::test]
async fn beyond_this_machine_everything_needs_the_token() {
    let log = Log::new().await;
    let token_file = log.folder.path().join("token");
    std::fs::write(&token_file, TOKEN).unwrap();
    let config = DashboardConfig {
        listen: "0.0.0.0:0".parse().unwrap(),
        token_file: Some(token_file),
        ..DashboardConfig::default()
    };
    let asked = log.asked_with(config).await;
    for path in ["/runs", "/api/runs", "/events", "/metrics", "/openapi.json"] {
        assert_eq!(asked.get(path).await.status(), 401, "{path}");
    }
    assert_eq!(asked.get("/healthz").await.status(), 200);
    assert_eq!(asked.get("/login").await.status(), 200);
    let bearer = asked.http.get(format!("{}/api/runs", asked.url)).bearer_auth(TOKEN);
    assert_eq!(bearer.send().await.unwrap().status(), 200);
    let login = async |token: &str| {
        let request = asked.http.post(format!("{}/login", asked.url));
        let request = request.header("content-type", FORM).body(format!("token={token}"));
        request.send().await.unwrap()
    };
    assert_eq!(login("wrong").await.status(), 401);
    let welcome = login(TOKEN).await;
    assert_eq!(welcome.status(), 303);
    let cookie = welcome.headers()["set-cookie"].to_str().unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let page = asked.http.get(format!("{}/runs", asked.url)).header("cookie", pair);
    assert_eq!(page.send().await.unwrap().status(), 200);
    let much = "x".repeat(10_000);
    assert_eq!(login(&much).await.status(), 413, "a body has its limit");
}
