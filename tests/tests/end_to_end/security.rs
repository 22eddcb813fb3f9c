//! Who may call what between the processes of a run.

use std::path::Path;
use std::process::{Command, Output};

use retrial_tests::{Project, Proxy, ROLLOUTS, Service, binary, root, shown};
use tokio::task::spawn_blocking;

const TOKEN: &str = "a-secret-of-the-services";
const KEY: &str = "sk-a-key-of-a-gate";

/// The status of a `POST` with a token, or without.
async fn status(url: String, token: Option<&str>) -> u16 {
    let request = retrial_servers::plain_client().post(url).json(&serde_json::json!({}));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

/// Whether a text is in a file of a folder.
fn is_in(text: &str, folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_in(text, &path);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn beyond_this_machine_services_need_a_token() {
    let base = root().join("examples/dialects/base");
    let trainer = ["serve", "--versions", "versions"];
    for (name, arguments) in [("retrial-policy", &[][..]), ("retrial-trainer", &trainer[..])] {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(binary(name))
            .current_dir(&folder)
            .args(arguments)
            .arg("--model")
            .arg(&base)
            .args(["--host", "0.0.0.0", "--port", "0"])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(error.contains("requires a token") && error.contains("hint:"), "{error}");
        assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "nothing is written");
    }
}

#[tokio::test]
async fn services_with_a_token_serve_whoever_shows_it() {
    let project = Project::new();
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]).guarded(TOKEN);
    let trainer = Service::trainer(&project.path("runs/test")).guarded(TOKEN);
    let routes = ["/v1/completions", "/collective_rpc", "/pause", "/reset_prefix_cache"]
        .map(|route| format!("{}{route}", policy.url));
    let routes = routes
        .into_iter()
        .chain(["/train", "/publish", "/score"].map(|route| format!("{}{route}", trainer.url)));
    for route in routes {
        for wrong in [None, Some(""), Some("a-secret-of-the-servicez")] {
            assert_eq!(status(route.clone(), wrong).await, 401, "{route}");
        }
        assert_ne!(status(route.clone(), Some(TOKEN)).await, 401, "{route}");
    }
    // What the routes were just asked to do is undone.
    let (policy, trainer) = (policy.guarded(TOKEN), trainer.guarded(TOKEN));

    let services = [policy.setting(), format!("trainer.url=\"{}\"", trainer.url)];
    let arguments = ["--set", &services[0], "--set", &services[1]];
    let stranger = project.train(&arguments);
    let error = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(!stranger.status.success(), "{}", shown(&stranger));
    assert!(error.contains("401") && error.contains("RETRIAL_SERVICE_TOKEN"), "{error}");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, TOKEN).unwrap();
    let known = [("RETRIAL_SERVICE_TOKEN_FILE", file.path()), ("RUST_LOG", Path::new("debug"))];
    let output = project.start_with(&arguments, &known).output();
    assert!(output.status.success(), "{}", shown(&output));
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(TOKEN), "the token is logged");
}

#[test]
fn a_run_and_its_own_services_share_the_token_and_nobody_writes_it_down() {
    let project = Project::new();
    let environment =
        [("RETRIAL_SERVICE_TOKEN", Path::new(TOKEN)), ("RUST_LOG", Path::new("debug"))];
    let output = project.start_with(&[], &environment).output();
    assert!(output.status.success(), "{}", shown(&output));
    assert!(!is_in(TOKEN, &project.path("")), "the token is in a file of the run");
}

/// A run that samples from a server by its own settings, in this environment. It is waited for without
/// blocking the proxies, which live in this process.
async fn run_with(project: &Project, urls: &str, environment: &[(&str, &Path)]) -> Output {
    let urls = format!("server.urls=[\"{urls}\"]");
    let run = project.start_with(&["--set", &urls, "--set", "data.heldout={}"], environment);
    spawn_blocking(move || run.output()).await.expect("waiting does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_behind_a_key_is_sampled_from_and_pushed_to_and_nobody_writes_the_key_down() {
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
    let (gate, project) = (Proxy::locked(&policy.url, KEY).await, Project::new());
    let stranger = run_with(&project, &gate.url, &[]).await;
    let error = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(!stranger.status.success(), "{}", shown(&stranger));
    assert!(error.contains("401") && error.contains("OPENAI_API_KEY"), "{error}");
    assert!(error.contains("[server] api_key_env"), "{error}");

    let known = [("OPENAI_API_KEY", Path::new(KEY)), ("RUST_LOG", Path::new("debug"))];
    let output = run_with(&project, &gate.url, &known).await;
    assert!(output.status.success(), "{}", shown(&output));
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(KEY), "the key is logged");
    assert!(!is_in(KEY, &project.path("")), "the key is in a file of the run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_leads_to_servers_and_not_to_this_machine() {
    let policy = Service::policy(&["--logprobs-mode", "processed_logprobs"]);
    let (proxy, project) = (Proxy::start(&policy.url).await, Project::new());
    // The trainer that the run starts is on this machine: the proxy would not find it.
    let environment = [("HTTP_PROXY", Path::new(&proxy.url))];
    let output = run_with(&project, "http://policy.example:8000", &environment).await;
    assert!(output.status.success(), "{}", shown(&output));
    assert!(proxy.asked(Some(0), ROLLOUTS) > 0);
    assert_eq!(proxy.asked(Some(0), "/train"), 0);
}
