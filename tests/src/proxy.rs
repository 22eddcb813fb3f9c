//! A proxy in front of a policy server that injects faults into some answers, and records requests.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::breaking::Breaking;
use crate::fault::{Fault, ROLLOUTS};

/// Faults to inject into the next answers.
struct Spoil {
    /// Only while the server has this version; none before the first push.
    version: Option<u64>,
    route: &'static str,
    fault: Fault,
    times: usize,
}

/// A running proxy.
pub struct Proxy {
    /// Its base URL.
    pub url: String,
    state: Arc<Shared>,
}

struct Shared {
    upstream: String,
    /// The bearer token that is required.
    key: Option<String>,
    /// The random seed of the noise on log-probabilities.
    noise: Option<u64>,
    /// What breaks answers at random.
    breaking: Option<Arc<Breaking>>,
    client: reqwest::Client,
    state: Mutex<Traffic>,
    held: Semaphore,
    released: Semaphore,
}

#[derive(Default)]
struct Traffic {
    spoils: Vec<Spoil>,
    /// The version that was last pushed to the server.
    version: Option<u64>,
    /// Each request: its route, and the version at that time.
    asked: Vec<(Option<u64>, String)>,
    /// The folders whose reload was answered and not done.
    swallowed: Vec<String>,
    /// The next reload from this version on is to be swallowed.
    swallows_after: Option<u64>,
}

impl Proxy {
    /// Starts one in front of the server at `upstream`, without faults.
    pub async fn start(upstream: &str) -> Self {
        Self::before(upstream, None, None, None).await
    }

    /// A proxy that adds the noise of bf16 kernels: the log-probabilities of 3 % of the tokens are 0.05 to
    /// 0.4 nats off.
    pub async fn noisy(upstream: &str, seed: u64) -> Self {
        Self::before(upstream, None, Some(seed), None).await
    }

    /// A proxy that answers 401 without this key.
    pub async fn locked(upstream: &str, key: &str) -> Self {
        Self::before(upstream, Some(key.to_owned()), None, None).await
    }

    /// One that breaks answers at random.
    pub async fn breaking(upstream: &str, breaking: &Arc<Breaking>) -> Self {
        Self::before(upstream, None, None, Some(Arc::clone(breaking))).await
    }

    async fn before(
        upstream: &str,
        key: Option<String>,
        noise: Option<u64>,
        breaking: Option<Arc<Breaking>>,
    ) -> Self {
        let state = Arc::new(Shared {
            upstream: upstream.to_owned(),
            key,
            noise,
            breaking,
            client: retrial_servers::plain_client(),
            state: Mutex::default(),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let router = Router::new().fallback(pass).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Injects faults into the next answers of a route, or of [`ROLLOUTS`], while the server has a
    /// version; none before the first push.
    pub fn spoil(&self, version: Option<u64>, route: &'static str, fault: Fault, times: usize) {
        self.state.lock().spoils.push(Spoil { version, route, fault, times });
    }

    /// Faults that have not occurred yet.
    pub fn left(&self) -> usize {
        self.state.lock().spoils.iter().map(|spoil| spoil.times).sum()
    }

    /// Swallows the first reload that comes while the server has this version or a later one.
    pub fn swallow_reload_after(&self, version: u64) {
        self.state.lock().swallows_after = Some(version);
    }

    /// Injects no faults from now on.
    pub fn heal(&self) {
        self.state.lock().spoils.clear();
    }

    /// The folders whose reload was answered and not done.
    pub fn swallowed(&self) -> Vec<String> {
        self.state.lock().swallowed.clone()
    }

    /// Number of requests to a route while the server had a version.
    pub fn asked(&self, version: Option<u64>, route: &str) -> usize {
        let traffic = self.state.lock();
        traffic.asked.iter().filter(|(at, asked)| *at == version && asked == route).count()
    }

    /// Waits until a request is held.
    pub async fn held(&self) {
        let held = timeout(Duration::from_mins(2), self.state.held.acquire()).await;
        held.expect("a request comes").expect("nobody closes it").forget();
    }

    /// Releases all requests that are held or will be.
    pub fn release(&self) {
        self.state.released.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// The setting by which a run samples from it.
    pub fn setting(&self) -> String {
        format!("server.urls=[\"{}\"]", self.url)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.state.lock().expect("no panic holds it")
    }

    /// Records a request. Returns the fault to inject, if any.
    fn fault(&self, path: &str, bytes: &[u8]) -> Option<Fault> {
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let rollouts = path == "/v1/completions" && body["return_token_ids"] == true;
        let route = if rollouts { ROLLOUTS } else { path };
        let mut traffic = self.lock();
        let version = traffic.version;
        traffic.asked.push((version, route.to_owned()));
        if let Some(label) = body["new_version"].as_str() {
            traffic.version = label.parse().ok();
        }
        let due = traffic.swallows_after.is_some_and(|after| version >= Some(after));
        let swallows = due && route == "/collective_rpc";
        let spoil = traffic
            .spoils
            .iter_mut()
            .find(|spoil| spoil.version == version && spoil.route == route && spoil.times > 0);
        let fault = match spoil {
            Some(spoil) => {
                spoil.times -= 1;
                spoil.fault
            }
            None if swallows => {
                traffic.swallows_after = None;
                Fault::Pretend
            }
            None => self.breaking.as_ref()?.next(route, bytes)?,
        };
        if let (Fault::Pretend, Some(folder)) = (fault, body["kwargs"]["weights_path"].as_str()) {
            traffic.swallowed.push(folder.to_owned());
        }
        Some(fault)
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let shown = parts.headers.get("authorization").and_then(|shown| shown.to_str().ok());
    if let Some(key) = &shared.key
        && shown != Some(&format!("Bearer {key}"))
    {
        return (StatusCode::UNAUTHORIZED, axum::Json(json!({ "error": "Unauthorized" })))
            .into_response();
    }
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let fault = shared.fault(parts.uri.path(), &body);
    match fault {
        Some(Fault::Status(status)) => return status_of(status).into_response(),
        Some(Fault::Later(status)) => {
            return (status_of(status), [("retry-after", "1")]).into_response();
        }
        Some(Fault::Page) => return Html("<html><title>Sign in</title></html>").into_response(),
        Some(Fault::Redirect) => {
            return (StatusCode::FOUND, [("location", "https://login.example/")]).into_response();
        }
        Some(Fault::Pretend) => return axum::Json(json!({ "results": [null] })).into_response(),
        Some(Fault::Stall) => return std::future::pending().await,
        Some(Fault::Hold) => {
            shared.held.add_permits(1);
            shared.released.acquire().await.expect("nobody closes it").forget();
        }
        _ => {}
    }
    // A client that uses us as the proxy of its environment sends the whole URL.
    let route = parts.uri.path_and_query().map_or("/", |route| route.as_str());
    let url = format!("{}{route}", shared.upstream);
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
    let bytes = match shared.noise {
        Some(seed) if parts.uri.path() == "/v1/completions" => noisy(&bytes, seed),
        _ => bytes,
    };
    (status, [("content-type", "application/json")], spoiled(bytes, fault)).into_response()
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

/// An answer with noise that depends on its content: the same answer has the same noise.
fn noisy(bytes: &Bytes, seed: u64) -> Bytes {
    let Ok(mut answer) = serde_json::from_slice::<Value>(bytes) else { return bytes.clone() };
    let add = |bytes: &u8, hash: u64| (hash ^ u64::from(*bytes)).wrapping_mul(0x0100_0000_01b3);
    let start = bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| add(byte, hash));
    let mut random = StdRng::seed_from_u64(start);
    let mut off = |number: &mut Value| {
        if let Some(logprob) = number.as_f64()
            && random.random_bool(0.03)
        {
            let size: f64 = random.random_range(0.05..0.4);
            let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
            *number = json!((logprob + sign * size).min(0.0));
        }
    };
    for choice in answer["choices"].as_array_mut().into_iter().flatten() {
        let sampled = choice["logprobs"]["token_logprobs"].as_array_mut();
        sampled.into_iter().flatten().for_each(&mut off);
        for scored in choice["prompt_logprobs"].as_array_mut().into_iter().flatten() {
            let entries = scored.as_object_mut().into_iter().flat_map(|scored| scored.values_mut());
            entries.for_each(|entry| off(&mut entry["logprob"]));
        }
    }
    answer.to_string().into()
}

fn spoiled(bytes: Bytes, fault: Option<Fault>) -> Body {
    let half = bytes.len() / 2;
    match fault {
        None | Some(Fault::Pretend | Fault::Stall | Fault::Hold) => bytes.into(),
        Some(Fault::HalfBody) => bytes.slice(..half).into(),
        Some(Fault::Reset) => {
            let broken = std::io::Error::other("the connection broke");
            Body::from_stream(futures::stream::iter([Ok(bytes.slice(..half)), Err(broken)]))
        }
        Some(fault) => {
            let mut answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            if fault == Fault::Unlabelled {
                answer["weight_version"] = Value::Null;
            }
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
    for (place, choice) in choices.iter_mut().enumerate() {
        let logprobs = &mut choice["logprobs"]["token_logprobs"];
        match fault {
            Fault::FewerLogprobs => drop(logprobs.as_array_mut().map(Vec::pop)),
            Fault::InvalidLogprob => logprobs[0] = json!(-9999.0),
            Fault::NullLogprob => logprobs[0] = Value::Null,
            Fault::OtherNumbers => {
                for logprob in logprobs.as_array_mut().into_iter().flatten() {
                    *logprob = json!(logprob.as_f64().map(|logprob| logprob - 1.0));
                }
            }
            Fault::TooLong => {
                lengthen(logprobs);
                lengthen(&mut choice["token_ids"]);
            }
            Fault::UnknownId => choice["token_ids"][0] = json!(4_000_000_000_u32),
            Fault::AbortFirst if place > 0 => {}
            Fault::Abort | Fault::AbortFirst => choice["finish_reason"] = json!("abort"),
            _ => {}
        }
    }
}

/// Repeats the last of a list until no request can have asked for so many.
fn lengthen(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        let last = list.last().cloned().unwrap_or(Value::Null);
        list.resize(10_000, last);
    }
}
