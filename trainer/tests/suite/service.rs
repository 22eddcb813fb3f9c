//! The trainer's HTTP service, and its calls to a policy server.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use retrial_protocol::{
    ErrorBody, PublishReport, PublishRequest, PushOutcome, ScoreRequest, ScoreResponse,
    ServerAddress, ServerKind, TrainReport, TrainerState, Transfer, WeightVersion,
};
use retrial_trainer::http::{Worker, router};
use retrial_trainer::model::ModelError;
use retrial_trainer::trainer::Trainer;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tch::Device;
use tempfile::{TempDir, tempdir};
use tokio::net::TcpListener;

use crate::common::{batch, open, request};

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

struct Service {
    url: String,
    _folder: TempDir,
}

impl Service {
    async fn start() -> Self {
        let folder = tempdir().unwrap();
        let path = folder.path().to_owned();
        let opened = Worker::start(move || Ok::<Trainer, ModelError>(open(&path))).await;
        Self { url: listen(router(opened.unwrap().unwrap(), Device::Cpu)).await, _folder: folder }
    }

    async fn post(&self, route: &str, body: &impl serde::Serialize) -> (StatusCode, String) {
        let client = retrial_servers::plain_client();
        let answer = client.post(format!("{}{route}", self.url)).json(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn ok<T: DeserializeOwned>(&self, route: &str, body: &impl serde::Serialize) -> T {
        let (status, text) = self.post(route, body).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn error(&self, route: &str, body: &impl serde::Serialize) -> (StatusCode, String) {
        let (status, text) = self.post(route, body).await;
        (status, serde_json::from_str::<ErrorBody>(&text).unwrap().error)
    }

    async fn score(&self, ids: &[u32]) -> Vec<f32> {
        let request =
            ScoreRequest { sequences: vec![ids.to_vec()], temperature: 1.0, version: None };
        self.ok::<ScoreResponse>("/score", &request).await.logprobs.remove(0)
    }
}

/// A server that records its requests and answers as vLLM or `SGLang` does.
#[derive(Clone, Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    label: Arc<Mutex<String>>,
    /// The log-probabilities it returns for the probe's tokens after the first.
    logprobs: Arc<Mutex<Vec<f32>>>,
    fails_to_reload: bool,
    /// It claims to have loaded the weights, but has not.
    forgets_the_label: bool,
}

impl Recorder {
    async fn start(&self) -> String {
        listen(Router::new().fallback(record).with_state(self.clone())).await
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn set_label(&self, label: &Value) {
        if !self.forgets_the_label {
            label.as_str().unwrap().clone_into(&mut self.label.lock().unwrap());
        }
    }

    /// The probe's tokens after the first, with their log-probabilities.
    fn scored(&self, ids: &Value) -> Vec<(Value, f32)> {
        let ids = ids.as_array().unwrap()[1..].iter().cloned();
        ids.zip(self.logprobs.lock().unwrap().iter().copied()).collect()
    }
}

async fn record(State(recorder): State<Recorder>, request: Request) -> Response {
    let uri = request.uri().to_string();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = [&body["kwargs"]["weights_path"], &body["model_path"]];
    let path = path.into_iter().find_map(Value::as_str).unwrap_or_default();
    let folder = path.rsplit('/').next().unwrap_or_default();
    recorder.calls.lock().unwrap().push(format!("{uri} {folder}").trim().to_owned());
    let fails = recorder.fails_to_reload && folder == "v000001";
    match uri.as_str() {
        "/collective_rpc" if fails => {
            let body = json!({ "error": { "message": "Worker failed" } });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
        }
        "/update_weights_from_disk" if fails => {
            let body = json!({ "success": false, "message": "Failed to get weights iterator" });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        "/update_weights_from_disk" => {
            recorder.set_label(&body["weight_version"]);
            Json(json!({ "success": true })).into_response()
        }
        "/update_weight_version" => {
            recorder.set_label(&body["new_version"]);
            Json(json!({ "success": true })).into_response()
        }
        "/weight_info" | "/model_info" => {
            let label = recorder.label.lock().unwrap().clone();
            Json(json!({ "weight_version": label })).into_response()
        }
        "/v1/completions" => {
            let mut all = vec![Value::Null];
            all.extend(recorder.scored(&body["prompt"]).into_iter().map(|(id, logprob)| {
                let entry = json!({ "logprob": logprob, "rank": 1, "decoded_token": "?" });
                json!({ id.to_string(): entry })
            }));
            Json(json!({ "choices": [{ "prompt_logprobs": all }] })).into_response()
        }
        "/generate" => {
            let mut all = vec![json!([null, body["input_ids"][0], null])];
            let scored = recorder.scored(&body["input_ids"]).into_iter();
            all.extend(scored.map(|(id, logprob)| json!([logprob, id, null])));
            Json(json!({ "meta_info": { "input_token_logprobs": all } })).into_response()
        }
        _ => Json(json!({})).into_response(),
    }
}

const PROBE: [u32; 4] = [3, 1, 4, 15];

fn publish(kind: ServerKind, url: &str, version: u64) -> PublishRequest {
    PublishRequest {
        version: WeightVersion(version),
        servers: vec![ServerAddress { url: url.into(), kind }],
        probe: PROBE.to_vec(),
        tolerance: 1e-4,
        timeout_seconds: 60,
        transfer: Transfer::Disk,
    }
}

/// Takes step 1 on a service.
async fn train(service: &Service) -> TrainReport {
    let folder = tempdir().unwrap();
    service.ok("/train", &request(1, batch(&open(folder.path())))).await
}

#[tokio::test]
async fn a_step_over_http() {
    let service = Service::start().await;
    let state: TrainerState = retrial_servers::plain_client()
        .get(format!("{}/state", service.url))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((state.version, state.vocabulary, state.context), (WeightVersion(0), 67, 64));
    let before = service.score(&PROBE).await;
    let report = train(&service).await;
    assert_eq!(report.folder.file_name().unwrap(), "v000001");
    assert_ne!(service.score(&PROBE).await, before);
    assert_eq!(train(&service).await, report, "the same step again is the same answer");
}

#[tokio::test]
async fn bad_requests_are_named() {
    let service = Service::start().await;
    let folder = tempdir().unwrap();
    let sound = request(1, batch(&open(folder.path())));

    let mut unknown = serde_json::to_value(&sound).unwrap();
    unknown["objective"]["gama"] = json!(0.1);
    let mut bad_gamma = sound.clone();
    bad_gamma.objective.gamma = -1.0;
    let mut long = sound.clone();
    long.batch.samples[0].prompt = vec![1; 60];
    let mut late = sound.clone();
    late.step.0 = 3;
    let short =
        ScoreRequest { sequences: vec![vec![1, 2], vec![1]], temperature: 1.0, version: None };
    let cases = [
        ("/train", unknown, 422, "unknown field `gama`"),
        ("/train", json!(bad_gamma), 400, "`gamma` is -1, it must be above 0"),
        ("/train", json!(long), 400, "sample 0 of the batch has 66 tokens, the model's context"),
        ("/train", json!(late), 409, "step 3 starts from version 2, the trainer is at version 0"),
        ("/score", json!(short), 400, "sequence 1 of the request has 1 tokens"),
        (
            "/publish",
            json!(publish(ServerKind::Vllm, "http://x", 5)),
            409,
            "version 5 was to be published",
        ),
    ];
    for (route, body, status, message) in cases {
        let (found, error) = service.error(route, &body).await;
        assert_eq!(found.as_u16(), status, "{error}");
        assert!(error.contains(message), "{error}");
    }
}

/// Pushes version 1 to a server that returns the right numbers, less `shift` for one token.
async fn push(service: &Service, kind: ServerKind, recorder: &Recorder, shift: f32) -> Pushed {
    train(service).await;
    let mut scores = service.score(&PROBE).await;
    let right = scores[1];
    scores[1] -= shift;
    *recorder.logprobs.lock().unwrap() = scores;
    let request = publish(kind, &recorder.start().await, 1);
    let (status, text) = service.post("/publish", &request).await;
    Pushed { status, text, right }
}

struct Pushed {
    status: StatusCode,
    text: String,
    /// The trainer's number for the token with the shift.
    right: f32,
}

impl Pushed {
    fn outcome(&self) -> PushOutcome {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        let mut report: PublishReport = serde_json::from_str(&self.text).unwrap();
        report.servers.remove(0).outcome
    }

    fn failure(&self) -> String {
        match self.outcome() {
            PushOutcome::Refused { error } => error,
            other => panic!("{other:?}"),
        }
    }
}

const VLLM: [&str; 7] = [
    "/pause?mode=keep&clear_cache=true",
    "/collective_rpc v000001",
    "/reset_prefix_cache",
    "/update_weight_version",
    "/weight_info",
    "/resume",
    "/v1/completions",
];
const SGLANG: [&str; 6] = [
    "/pause_generation",
    "/weights_checker",
    "/update_weights_from_disk v000001",
    "/model_info",
    "/continue_generation",
    "/generate",
];

#[tokio::test]
async fn a_version_is_pushed_in_the_server_s_order_and_verified() {
    for (kind, calls) in [(ServerKind::Vllm, &VLLM[..]), (ServerKind::Sglang, &SGLANG)] {
        let (service, recorder) = (Service::start().await, Recorder::default());
        match push(&service, kind, &recorder, 0.0).await.outcome() {
            PushOutcome::Verified { max_difference } => assert!(max_difference < 1e-6),
            other => panic!("{other:?}"),
        }
        assert_eq!(recorder.calls(), calls);
    }
}

#[tokio::test]
async fn other_numbers_on_the_server_stop_the_push_with_both() {
    for kind in [ServerKind::Vllm, ServerKind::Sglang] {
        let (service, recorder) = (Service::start().await, Recorder::default());
        let pushed = push(&service, kind, &recorder, 0.25).await;
        let PushOutcome::Mismatched { error } = pushed.outcome() else { panic!("{}", pushed.text) };
        assert!(error.contains("does not serve version 1: for token 2 of the probe"), "{error}");
        assert!(error.contains(&f64::from(pushed.right).to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_reload_gets_the_old_weights_back_and_is_resumed() {
    let cases = [
        (ServerKind::Vllm, "it answered 500", ["/pause?mode=keep&clear_cache=true", "/resume"]),
        (ServerKind::Sglang, "it answered 400", ["/pause_generation", "/continue_generation"]),
    ];
    for (kind, problem, [pause, resume]) in cases {
        let service = Service::start().await;
        let recorder = Recorder { fails_to_reload: true, ..Recorder::default() };
        let error = push(&service, kind, &recorder, 0.0).await.failure();
        assert!(error.contains(&format!("reloading: {problem}")), "{error}");
        let calls = recorder.calls();
        assert_eq!((calls[0].as_str(), calls[calls.len() - 1].as_str()), (pause, resume));
        // A failure that may be temporary is retried; then the old weights are restored.
        let mut reloads: Vec<&str> =
            calls.iter().filter_map(|call| call.split(' ').nth(1)).collect();
        reloads.dedup();
        assert_eq!(reloads, ["v000001", "v000000"], "{calls:?}");
    }
}

#[tokio::test]
async fn a_reload_that_changes_nothing_is_noticed() {
    for kind in [ServerKind::Vllm, ServerKind::Sglang] {
        let service = Service::start().await;
        let recorder = Recorder { forgets_the_label: true, ..Recorder::default() };
        let error = push(&service, kind, &recorder, 0.0).await.failure();
        assert!(error.contains("checking its label: it says it serves \"\""), "{error}");
        assert!(
            recorder.calls().last().unwrap().contains("resume")
                || recorder.calls().last().unwrap().contains("continue")
        );
    }
}

#[tokio::test]
async fn servers_are_pushed_to_side_by_side_and_one_may_fail() {
    let service = Service::start().await;
    train(&service).await;
    let recorder = Recorder::default();
    *recorder.logprobs.lock().unwrap() = service.score(&PROBE).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut request = publish(ServerKind::Vllm, &gone, 1);
    let url = recorder.start().await;
    request.servers.push(ServerAddress { url, kind: ServerKind::Vllm });
    let report: PublishReport = service.ok("/publish", &request).await;
    let PushOutcome::Unreachable { error } = &report.servers[0].outcome else {
        panic!("{report:?}")
    };
    assert!(error.contains(&format!("cannot publish version 1 to {gone}: pause:")), "{error}");
    assert!(matches!(report.servers[1].outcome, PushOutcome::Verified { .. }), "{report:?}");
}

/// Replaces the bytes of a file.
fn rewrite(path: &Path, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, change(bytes)).unwrap();
}

/// A file whose header claims the longest tensor that the format allows.
fn endless() -> Vec<u8> {
    let end = u64::MAX / 8;
    let header = format!(r#"{{"a":{{"dtype":"U8","shape":[{end}],"data_offsets":[0,{end}]}}}}"#);
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

/// Replaces a text in the header of a safetensors file by one of the same length.
fn rename(path: &Path, from: &str, to: &str) {
    rewrite(path, |mut bytes| {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    });
}

type Damage = dyn Fn(&Path);

#[tokio::test]
async fn a_damaged_version_is_not_pushed() {
    let (norm, norn) = ("model.norm.weight", "model.norn.weight");
    let cases: [(&Damage, &str); 7] = [
        (&|path| std::fs::remove_file(path).unwrap(), "tensors: "),
        (&|path| rewrite(path, |_| b"abc".to_vec()), "it has 3 bytes, and no header"),
        (&|path| rewrite(path, |bytes| bytes[..100].to_vec()), "its header alone"),
        (&|path| rewrite(path, |bytes| bytes[..bytes.len() - 4].to_vec()), "its header says"),
        (&|path| rewrite(path, |_| endless()), "its header says 2305843009213694048"),
        (&|path| rename(path, norm, norn), "lacks a tensor: model.norm.weight"),
        (&|path| rename(path, "[67,32]", "[32,67]"), "has shape [32, 67]"),
    ];
    for (damage, problem) in cases {
        let (service, recorder) = (Service::start().await, Recorder::default());
        let report = train(&service).await;
        damage(&report.folder.join("model.safetensors"));
        let request = publish(ServerKind::Vllm, &recorder.start().await, 1);
        let (status, error) = service.error("/publish", &request).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(error.contains("version 1 was not pushed") && error.contains(problem), "{error}");
        assert!(recorder.calls().is_empty(), "the server was not touched");
    }
}
