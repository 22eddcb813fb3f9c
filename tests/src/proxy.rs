//! A proxy before a policy server that spoils some of its answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What may become of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status instead, and the server is not asked.
    Status(u16),
    /// The connection breaks in the middle of the body.
    Reset,
    /// No answer at all.
    Stall,
    /// The body ends half-way, as if it were whole.
    HalfBody,
    /// Each choice has a log-probability less than tokens.
    FewerLogprobs,
    /// A choice is missing.
    FewerChoices,
    /// A log-probability is -9999.
    InvalidLogprob,
    /// The responses were aborted.
    Abort,
    /// The server is not asked and says that all is well.
    Pretend,
}

/// A running proxy.
pub struct Proxy {
    /// Its base URL.
    pub url: String,
    state: Arc<Shared>,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    /// Route, fault, and how often it is still to occur.
    faults: Mutex<Vec<(&'static str, Fault, usize)>>,
}

impl Proxy {
    /// Starts one before the server at `upstream` that spoils nothing yet.
    pub async fn start(upstream: &str) -> Self {
        let state = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client: reqwest::Client::new(),
            faults: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let router = Router::new().fallback(pass).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Spoils the next answers of a route, the trainer's probe left out.
    pub fn spoil(&self, route: &'static str, fault: Fault, times: usize) {
        self.state.faults.lock().expect("no panic holds it").push((route, fault, times));
    }

    /// Faults that have not occurred yet.
    pub fn left(&self) -> usize {
        self.state.faults.lock().expect("no panic holds it").iter().map(|fault| fault.2).sum()
    }

    /// The setting that has a run sample from it.
    pub fn setting(&self) -> String {
        format!("server.urls=[\"{}\"]", self.url)
    }
}

impl Shared {
    /// The fault of this request, if it is to have one.
    fn fault(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().expect("no panic holds it");
        let (_, fault, times) =
            faults.iter_mut().find(|(route, _, times)| *route == path && *times > 0)?;
        *times -= 1;
        Some(*fault)
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    // The trainer's probe comes by the same route as rollouts, and is not spoiled.
    let probe = String::from_utf8_lossy(&body).contains("\"prompt_logprobs\"");
    let fault = if probe { None } else { shared.fault(parts.uri.path()) };
    match fault {
        Some(Fault::Status(status)) => {
            return StatusCode::from_u16(status).expect("a status").into_response();
        }
        Some(Fault::Pretend) => return axum::Json(json!({ "results": [null] })).into_response(),
        Some(Fault::Stall) => return std::future::pending().await,
        _ => {}
    }
    let url = format!("{}{}", shared.upstream, parts.uri);
    let sent = shared
        .client
        .request(parts.method, url)
        .header("content-type", "application/json")
        .timeout(Duration::from_mins(1))
        .body(body)
        .send()
        .await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    let Ok(bytes) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    (status, [("content-type", "application/json")], spoiled(bytes, fault)).into_response()
}

fn spoiled(bytes: Bytes, fault: Option<Fault>) -> Body {
    let half = bytes.len() / 2;
    match fault {
        None | Some(Fault::Status(_) | Fault::Pretend | Fault::Stall) => bytes.into(),
        Some(Fault::HalfBody) => bytes.slice(..half).into(),
        Some(Fault::Reset) => {
            let broken = std::io::Error::other("the connection broke");
            Body::from_stream(futures::stream::iter([Ok(bytes.slice(..half)), Err(broken)]))
        }
        Some(fault) => {
            let mut answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            if let Some(choices) = answer["choices"].as_array_mut() {
                distort(choices, fault);
            }
            answer.to_string().into()
        }
    }
}

fn distort(choices: &mut Vec<Value>, fault: Fault) {
    if fault == Fault::FewerChoices {
        choices.pop();
    }
    for choice in choices {
        let logprobs = &mut choice["logprobs"]["token_logprobs"];
        match fault {
            Fault::FewerLogprobs => drop(logprobs.as_array_mut().map(Vec::pop)),
            Fault::InvalidLogprob => logprobs[0] = json!(-9999.0),
            Fault::Abort => choice["finish_reason"] = json!("abort"),
            _ => {}
        }
    }
}
