//! The trainer's HTTP service, and what it does to a policy server.

mod common;

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use common::{batch, open, request};
use retrial_protocol::{
    ErrorBody, PublishReport, PublishRequest, ScoreRequest, ScoreResponse, TrainReport,
    TrainerState, WeightVersion,
};
use retrial_trainer::model::ModelError;
use retrial_trainer::service;
use retrial_trainer::trainer::Trainer;
use retrial_trainer::worker::Worker;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::net::TcpListener;

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
        Self { url: listen(service::router(opened.unwrap().unwrap())).await, _folder: folder }
    }

    async fn post(&self, route: &str, body: &impl serde::Serialize) -> (StatusCode, String) {
        let client = reqwest::Client::new();
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
        let request = ScoreRequest { sequences: vec![ids.to_vec()] };
        self.ok::<ScoreResponse>("/score", &request).await.logprobs.remove(0)
    }
}

/// A server that notes what is asked of it and answers as vLLM does.
#[derive(Clone, Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    label: Arc<Mutex<String>>,
    /// What it says of the probe's tokens after the first.
    logprobs: Arc<Mutex<Vec<f32>>>,
    fails_to_reload: bool,
}

impl Recorder {
    async fn start(&self) -> String {
        listen(Router::new().fallback(record).with_state(self.clone())).await
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

async fn record(State(recorder): State<Recorder>, request: Request) -> Response {
    let uri = request.uri().to_string();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = body["kwargs"]["weights_path"].as_str().unwrap_or_default();
    let folder = path.rsplit('/').next().unwrap_or_default();
    recorder.calls.lock().unwrap().push(format!("{uri} {folder}").trim().to_owned());
    match uri.as_str() {
        "/collective_rpc" if recorder.fails_to_reload && folder == "v000001" => {
            let body = json!({ "error": { "message": "Worker failed" } });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
        }
        "/update_weight_version" => {
            let label = body["new_version"].as_str().unwrap().to_owned();
            *recorder.label.lock().unwrap() = label;
            Json(json!({ "success": true })).into_response()
        }
        "/weight_info" => {
            let label = recorder.label.lock().unwrap().clone();
            Json(json!({ "weight_version": label })).into_response()
        }
        "/v1/completions" => {
            let ids = body["prompt"].as_array().unwrap().clone();
            let scored = recorder.logprobs.lock().unwrap().clone();
            let mut all = vec![Value::Null];
            all.extend(ids[1..].iter().zip(scored).map(|(id, logprob)| {
                let entry = json!({ "logprob": logprob, "rank": 1, "decoded_token": "?" });
                json!({ id.to_string(): entry })
            }));
            Json(json!({ "choices": [{ "prompt_logprobs": all }] })).into_response()
        }
        _ => Json(json!({})).into_response(),
    }
}

const PROBE: [u32; 4] = [3, 1, 4, 15];

fn publish(url: &str, version: u64) -> PublishRequest {
    PublishRequest {
        version: WeightVersion(version),
        servers: vec![url.into()],
        probe: PROBE.to_vec(),
        tolerance: 1e-4,
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
    let state: TrainerState =
        reqwest::get(format!("{}/state", service.url)).await.unwrap().json().await.unwrap();
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
    let short = ScoreRequest { sequences: vec![vec![1, 2], vec![1]] };
    let cases = [
        ("/train", unknown, 422, "unknown field `gama`"),
        ("/train", json!(bad_gamma), 400, "`gamma` is -1, it must be above 0"),
        ("/train", json!(long), 400, "sample 0 of the batch has 66 tokens, the model's context"),
        ("/train", json!(late), 409, "step 3 starts from version 2, the trainer is at version 0"),
        ("/score", json!(short), 400, "sequence 1 of the request has 1 tokens"),
        ("/publish", json!(publish("http://x", 5)), 409, "version 5 was to be published"),
    ];
    for (route, body, status, message) in cases {
        let (found, error) = service.error(route, &body).await;
        assert_eq!(found.as_u16(), status, "{error}");
        assert!(error.contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_version_is_pushed_in_vllm_s_order_and_verified() {
    let service = Service::start().await;
    train(&service).await;
    let recorder = Recorder::default();
    *recorder.logprobs.lock().unwrap() = service.score(&PROBE).await;
    let url = recorder.start().await;
    let report: PublishReport = service.ok("/publish", &publish(&url, 1)).await;
    assert!(report.servers[0].max_difference < 1e-6);
    let expected = [
        "/pause?mode=keep&clear_cache=true",
        "/collective_rpc v000001",
        "/reset_prefix_cache",
        "/update_weight_version",
        "/weight_info",
        "/resume",
        "/v1/completions",
    ];
    assert_eq!(recorder.calls(), expected);
}

#[tokio::test]
async fn other_numbers_on_the_server_stop_the_push_with_both() {
    let service = Service::start().await;
    train(&service).await;
    let recorder = Recorder::default();
    let mut scores = service.score(&PROBE).await;
    let right = scores[1];
    scores[1] -= 0.25;
    *recorder.logprobs.lock().unwrap() = scores;
    let url = recorder.start().await;
    let (status, error) = service.error("/publish", &publish(&url, 1)).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(error.contains("does not serve version 1: for token 2 of the probe"), "{error}");
    assert!(error.contains(&f64::from(right).to_string()), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_reload_gets_the_old_weights_back_and_is_resumed() {
    let service = Service::start().await;
    train(&service).await;
    let recorder = Recorder { fails_to_reload: true, ..Recorder::default() };
    let url = recorder.start().await;
    let (status, error) = service.error("/publish", &publish(&url, 1)).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(error.contains("reloading: it answered 500") && error.contains("Worker failed"));
    let expected = [
        "/pause?mode=keep&clear_cache=true",
        "/collective_rpc v000001",
        "/collective_rpc v000000",
        "/resume",
    ];
    assert_eq!(recorder.calls(), expected);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (status, error) = service.error("/publish", &publish(&url, 0)).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(error.contains(&format!("cannot publish version 0 to {url}: pause:")), "{error}");
}
