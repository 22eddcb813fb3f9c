//! A fake vLLM or `SGLang` on a real socket: it samples and loads weights
//! correctly, except for prepared answers, and records its requests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Log-probability of the probe's tokens, nats.
pub const SCORE: f64 = -1.0;

/// Changes a correct answer to a request for rollouts.
pub type Spoil = dyn Fn(&Value, &mut Value) + Send + Sync;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Vllm,
    Sglang,
    /// It samples by `/v1/completions` and has no other route.
    Router,
}

/// A prepared answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: vec![], body: json!({ "error": "told to" }).to_string() }
    }

    pub fn text(body: &str) -> Self {
        Self { status: 200, headers: vec![], body: body.into() }
    }

    pub fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub route: String,
    pub body: Value,
    pub headers: HeaderMap,
}

#[derive(Clone)]
pub struct Standin {
    pub url: String,
    kind: Kind,
    spoil: Arc<Spoil>,
    key: Option<String>,
    state: Arc<Mutex<World>>,
}

#[derive(Default)]
pub struct World {
    replies: HashMap<String, VecDeque<Reply>>,
    always: HashMap<String, Reply>,
    pub calls: Vec<Call>,
    pub paused: bool,
    pub weights: String,
    pub label: String,
}

impl Standin {
    pub async fn start(kind: Kind) -> Self {
        Self::spoiling(kind, |_, _| {}).await
    }

    /// One that changes its answers to requests for rollouts.
    pub async fn spoiling(
        kind: Kind,
        spoil: impl Fn(&Value, &mut Value) + Send + Sync + 'static,
    ) -> Self {
        Self::new(kind, spoil, None).serve().await
    }

    /// One that requires this header `Authorization`.
    pub async fn locked(kind: Kind, key: &str) -> Self {
        Self::new(kind, |_, _| {}, Some(key.to_owned())).serve().await
    }

    pub fn new(
        kind: Kind,
        spoil: impl Fn(&Value, &mut Value) + Send + Sync + 'static,
        key: Option<String>,
    ) -> Self {
        let state = World { weights: "v000000".into(), label: "0".into(), ..World::default() };
        let (spoil, state) = (Arc::new(spoil), Arc::new(Mutex::new(state)));
        Self { url: String::new(), kind, spoil, key, state }
    }

    async fn serve(mut self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.url = format!("http://{}", listener.local_addr().unwrap());
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        self
    }

    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.state.lock().unwrap()
    }

    /// Prepares the answers to the next requests of a route.
    pub fn reply(&self, route: &str, replies: impl IntoIterator<Item = Reply>) -> &Self {
        self.world().replies.entry(route.into()).or_default().extend(replies);
        self
    }

    /// Prepares the answers to all requests of a route.
    pub fn always(&self, route: &str, reply: Reply) -> &Self {
        self.world().always.insert(route.into(), reply);
        self
    }

    /// The bodies of the requests of a route.
    pub fn asked(&self, route: &str) -> Vec<Value> {
        let world = self.world();
        let calls = world.calls.iter().filter(|call| call.route == route);
        calls.map(|call| call.body.clone()).collect()
    }
}

async fn answer(State(server): State<Standin>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let route = parts.uri.path().to_owned();
    let shown = parts.headers.get("authorization").and_then(|shown| shown.to_str().ok());
    let locked = server.key.is_some() && server.key.as_deref() != shown;
    let mut world = server.world();
    let call = Call { route: route.clone(), body: body.clone(), headers: parts.headers };
    world.calls.push(call);
    if locked {
        let refusal = axum::Json(json!({ "error": "Unauthorized" }));
        return (StatusCode::UNAUTHORIZED, refusal).into_response();
    }
    let told = world.replies.get_mut(&route).and_then(VecDeque::pop_front);
    if let Some(Reply { status, headers, body }) =
        told.or_else(|| world.always.get(&route).cloned())
    {
        let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        return response;
    }
    match sound(&server, &mut world, &route, &body) {
        Some(answer) => axum::Json(answer).into_response(),
        None => {
            (StatusCode::NOT_FOUND, axum::Json(json!({ "detail": "Not Found" }))).into_response()
        }
    }
}

fn sound(server: &Standin, world: &mut World, route: &str, body: &Value) -> Option<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let folder = |value: &Value| text(value).rsplit('/').next().unwrap_or_default().to_owned();
    Some(match (server.kind, route) {
        (Kind::Vllm | Kind::Router, "/v1/models") => json!({ "data": [{ "id": "policy" }] }),
        (Kind::Vllm, "/weight_info") | (Kind::Sglang, "/model_info") => {
            json!({ "weight_version": world.label })
        }
        (Kind::Vllm, "/pause") | (Kind::Sglang, "/pause_generation") => {
            world.paused = true;
            json!({})
        }
        (Kind::Vllm, "/resume") | (Kind::Sglang, "/continue_generation") => {
            world.paused = false;
            json!({})
        }
        (Kind::Vllm, "/collective_rpc") => {
            world.weights = folder(&body["kwargs"]["weights_path"]);
            json!({ "results": [null] })
        }
        (Kind::Vllm, "/reset_prefix_cache") => Value::Null,
        (Kind::Vllm, "/update_weight_version") => {
            world.label = text(&body["new_version"]);
            json!({ "success": true })
        }
        (Kind::Sglang, "/update_weights_from_disk") => {
            world.weights = folder(&body["model_path"]);
            world.label = text(&body["weight_version"]);
            json!({ "success": true })
        }
        (Kind::Sglang, "/weights_checker") => json!({ "per_engine_checksum": world.weights }),
        (Kind::Sglang, "/generate") => generate(body),
        (Kind::Vllm | Kind::Router, "/v1/completions") if body["prompt_logprobs"].is_null() => {
            let mut answer = completions(body, &world.label);
            (server.spoil)(body, &mut answer);
            answer
        }
        (Kind::Vllm, "/v1/completions") => scores(body),
        _ => return None,
    })
}

/// Response j has the token 10 + j.
fn completions(body: &Value, label: &str) -> Value {
    let choice = |index: u64| {
        json!({
            "index": index, "token_ids": [10 + index], "finish_reason": "stop",
            "logprobs": { "token_logprobs": [-0.5] },
        })
    };
    let choices: Vec<Value> = (0..body["n"].as_u64().unwrap_or(1)).map(choice).collect();
    json!({ "choices": choices, "weight_version": label })
}

fn scores(body: &Value) -> Value {
    let of_token = |id: &Value| json!({ id.to_string(): { "logprob": SCORE } });
    let mut scores: Vec<Value> = body["prompt"].as_array().unwrap().iter().map(of_token).collect();
    scores[0] = Value::Null;
    json!({ "choices": [{ "prompt_logprobs": scores }] })
}

/// Scores of a prompt, or one response.
fn generate(body: &Value) -> Value {
    let ids = body["input_ids"].as_array().unwrap();
    let mut scores: Vec<Value> = ids.iter().map(|id| json!([SCORE, id, null])).collect();
    scores[0][0] = Value::Null;
    json!({
        "output_ids": [10],
        "meta_info": {
            "finish_reason": { "type": "stop" },
            "output_token_logprobs": [[-0.5, 10, null]],
            "input_token_logprobs": scores,
        },
    })
}
