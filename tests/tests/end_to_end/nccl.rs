//! Weights to vLLM over NCCL, with vLLM's half of the protocol in the place of a GPU: a run that
//! pushes this way ends with the same weights as one that pushes by the disk.
//!
//! `nccl.c` stands in for libnccl: what rank 0 broadcasts it appends to a file. A gateway before the
//! embedded server takes vLLM's weight-transfer routes, makes a model of those bytes and has the
//! embedded server load it. Whether server and trainer agree on the probe is checked as ever.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use retrial_tests::{Ended, Project, Service, root, shown};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

/// A stand-in for libnccl, built for one test.
struct FakeNccl {
    folder: TempDir,
}

impl FakeNccl {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = Self { folder };
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o"])
            .arg(fake.library())
            .arg(root().join("tests/tests/end_to_end/nccl.c"))
            .status();
        assert!(status.expect("there is a C compiler").success());
        fake
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("libnccl.so.2")
    }
}

/// vLLM's weight-transfer routes before the embedded server.
struct Gateway {
    upstream: String,
    client: reqwest::Client,
    library: PathBuf,
    folder: TempDir,
    trouble: Trouble,
    state: Mutex<Transfers>,
}

/// What goes wrong on the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Its workers are started anew after the second update.
    StartedAnew,
    /// It was not started for NCCL, so its workers never join.
    NotConfigured,
}

#[derive(Default)]
struct Transfers {
    asked: Vec<String>,
    /// Its workers are in a group: those that were started anew are not.
    joined: bool,
    /// Groups that they have joined so far.
    groups: usize,
    /// Bytes that were received from the last of them.
    received: usize,
    updates: usize,
}

impl Gateway {
    async fn start(upstream: &str, nccl: &FakeNccl, trouble: Trouble) -> (String, Arc<Self>) {
        let gateway = Arc::new(Self {
            upstream: upstream.into(),
            client: reqwest::Client::new(),
            library: nccl.library(),
            folder: tempfile::tempdir().unwrap(),
            trouble,
            state: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&gateway));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, gateway)
    }

    /// Times that a route was asked.
    fn asked(&self, route: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| *asked == route).count()
    }

    /// Receives what the names, kinds and shapes of an update say, and loads it.
    async fn update(&self, info: &Value) -> Result<(), String> {
        let (start, number, group) = {
            let mut state = self.state.lock().unwrap();
            if !state.joined {
                return Err("NCCL weight transfer not initialized".into());
            }
            state.updates += 1;
            state.joined = state.updates != 2 || self.trouble != Trouble::StartedAnew;
            (state.received, state.updates, state.groups)
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (mut header, mut end) = (serde_json::Map::new(), 0);
        for (position, name) in info["names"].as_array().unwrap().iter().enumerate() {
            let shape = &info["shapes"][position];
            assert_eq!(text(&info["dtype_names"][position]), "float32");
            let numbers: u64 =
                shape.as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).product();
            let from = end;
            end += 4 * numbers as usize;
            let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [from, end] });
            header.insert(text(name), entry);
        }
        let sent = self.library.with_extension(format!("2.sent.{group}"));
        let deadline = Instant::now() + Duration::from_mins(1);
        let bytes = loop {
            let sent = std::fs::read(&sent).unwrap_or_default();
            if sent.len() >= start + end {
                break sent[start..start + end].to_vec();
            }
            assert!(Instant::now() < deadline, "the tensors do not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        self.state.lock().unwrap().received = start + end;
        let folder = self.folder.path().join(format!("update-{number}"));
        write_model(&folder, &Value::Object(header), &bytes);
        let body = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
        let url = format!("{}/collective_rpc", self.upstream);
        let loaded = self.client.post(url).json(&body).send().await.unwrap();
        if loaded.status().is_success() { Ok(()) } else { Err(loaded.text().await.unwrap()) }
    }
}

fn write_model(folder: &Path, header: &Value, bytes: &[u8]) {
    std::fs::create_dir(folder).unwrap();
    let config = "config.json";
    std::fs::copy(root().join("examples/dialects/base").join(config), folder.join(config)).unwrap();
    let header = header.to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(bytes);
    std::fs::write(folder.join("model.safetensors"), file).unwrap();
}

async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let route = parts.uri.path().to_owned();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    gateway.state.lock().unwrap().asked.push(route.clone());
    let done = axum::Json(json!({ "message": "done" })).into_response();
    match route.as_str() {
        "/get_world_size" => axum::Json(json!({ "world_size": 2 })).into_response(),
        "/init_weight_transfer_engine" if gateway.trouble == Trouble::NotConfigured => {
            let error = "Weight transfer not configured";
            (StatusCode::INTERNAL_SERVER_ERROR, error).into_response()
        }
        "/init_weight_transfer_engine" => {
            let info = &body["init_info"];
            assert_eq!((&info["rank_offset"], &info["world_size"]), (&json!(1), &json!(3)));
            assert_eq!(info["packed"], false);
            // 128 bytes in base64.
            assert_eq!(info["nccl_unique_id_b64"].as_str().unwrap().len(), 172);
            let mut state = gateway.state.lock().unwrap();
            (state.joined, state.received) = (true, 0);
            state.groups += 1;
            done
        }
        "/start_weight_update" | "/finish_weight_update" => done,
        "/update_weights" => match gateway.update(&body["update_info"]).await {
            Ok(()) => done,
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
        },
        _ => {
            let url = format!("{}{}", gateway.upstream, parts.uri);
            let sent = gateway.client.request(parts.method, url);
            let sent = sent.header("content-type", "application/json").body(bytes).send().await;
            let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
            let (status, bytes) = (answer.status(), answer.bytes().await.unwrap_or_default());
            (status, [("content-type", "application/json")], bytes).into_response()
        }
    }
}

fn policy() -> Service {
    Service::policy(&["--logprobs-mode", "processed_logprobs"])
}

/// How a run ends that pushes by the disk.
async fn by_disk() -> Ended {
    let project = Project::new();
    let output = project.train(&["--set", "data.heldout={}"]);
    assert!(output.status.success(), "{}", shown(&output));
    project.ended(2).await
}

/// A run that pushes over NCCL to the gateway.
async fn by_nccl(nccl: &FakeNccl, trouble: Trouble) -> (Project, Output, Arc<Gateway>) {
    let (policy, project) = (policy(), Project::new());
    let (url, gateway) = Gateway::start(&policy.url, nccl, trouble).await;
    let urls = format!("server.urls=[\"{url}\"]");
    let settings = ["data.heldout={}", "server.push=nccl", "server.patience_seconds=1", &urls];
    let settings: Vec<&str> = settings.into_iter().flat_map(|set| ["--set", set]).collect();
    let run = project.start_with(&settings, &[("RETRIAL_NCCL", nccl.library().as_path())]);
    let output = spawn_blocking(move || run.output()).await.unwrap();
    (project, output, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_pushes_over_nccl_ends_as_one_that_pushes_by_the_disk() {
    let expected = by_disk().await;
    // The group is kept, or made anew where the server has lost it.
    for (trouble, groups) in [(Trouble::None, 1), (Trouble::StartedAnew, 2)] {
        let nccl = FakeNccl::build();
        let (project, output, gateway) = by_nccl(&nccl, trouble).await;
        assert!(output.status.success(), "{}", shown(&output));
        project.ended(2).await.assert_is(&expected, "a run over NCCL");
        assert_eq!(gateway.asked("/init_weight_transfer_engine"), groups);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_join_is_not_waited_for() {
    let nccl = FakeNccl::build();
    std::fs::write(nccl.folder.path().join("libnccl.so.2.absent"), "").unwrap();
    let (_, output, _) = by_nccl(&nccl, Trouble::NotConfigured).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("joining its NCCL group: it answered 500"), "{error}");
    assert!(error.contains("Weight transfer not configured"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_libnccl_is_named() {
    let nccl = FakeNccl::build();
    std::fs::remove_file(nccl.library()).unwrap();
    let (_, output, _) = by_nccl(&nccl, Trouble::None).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot load") && error.contains("hint: it comes with"), "{error}");
}
