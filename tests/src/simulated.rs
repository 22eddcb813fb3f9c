//! A simulated rollout server and trainer that compute nothing, in this process: what remains of a run is the
//! orchestrator.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::{Project, root};

const LOGPROB: f64 = -0.5;

/// Size of the demo's vocabulary.
const BOXED: u32 = 291;
const ZERO: u32 = 328;
const NUMBERS: u32 = 131;
const CLOSE: u32 = 292;
const END: u32 = 258;

/// The shape of a simulated run.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Steps.
    pub steps: u64,
    /// Problems a step.
    pub problems: usize,
    /// Rollouts of a problem. One in ten is right.
    pub group: usize,
    /// Tokens of a response.
    pub tokens: usize,
}

/// A batch that the trainer received.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When it was complete.
    pub at: Instant,
    /// Its size as JSON, bytes.
    pub bytes: usize,
}

/// A request for the rollouts of a group.
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// Its number, from 0.
    pub number: usize,
    /// Token ids of its prompt.
    pub prompt: Vec<u64>,
}

/// The answer to a request for a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupAnswer {
    /// The time at which it is sent.
    pub at: Instant,
    /// Whether one in ten responses is right; none is otherwise.
    pub solved: bool,
}

/// What the server does with a request for a group.
pub type Behaviour = dyn Fn(GroupRequest) -> GroupAnswer + Send + Sync;

impl GroupAnswer {
    /// An answer with right responses.
    pub fn solved_at(at: Instant) -> Self {
        Self { at, solved: true }
    }
}

/// The simulated server and trainer.
pub struct Simulated {
    /// The address of both.
    pub url: String,
    /// The batches that the trainer received.
    pub batches: mpsc::UnboundedReceiver<Arrival>,
}

struct World {
    shape: Shape,
    /// The choices of an answer to a request for a group: without and with right responses.
    choices: [String; 2],
    behaviour: Box<Behaviour>,
    requests: AtomicUsize,
    version: AtomicU64,
    batches: mpsc::UnboundedSender<Arrival>,
}

impl Simulated {
    /// Starts both on a free port.
    pub async fn start(shape: Shape, behaviour: Box<Behaviour>) -> Self {
        let (arrived, batches) = mpsc::unbounded_channel();
        let world = World {
            shape,
            choices: [false, true].map(|s| choices(shape.group, shape.tokens, s).to_string()),
            behaviour,
            requests: AtomicUsize::new(0),
            version: AtomicU64::new(0),
            batches: arrived,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let router = Router::new()
            .route("/v1/models", get(async || Json(json!({ "data": [{ "id": "policy" }] }))))
            .route("/weight_info", get(weight_info))
            .route("/v1/completions", post(complete))
            .route("/state", get(state))
            .route("/score", post(score))
            .route("/publish", post(publish))
            .route("/train", post(train))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::new(world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, batches }
    }
}

impl Shape {
    /// Writes a model folder with the demo's tokenizer, a data set and `run.toml` for a run `test` of
    /// this shape into a project.
    pub fn configure(self, project: &Project, url: &str) {
        let Self { steps, problems, group, tokens } = self;
        let base = root().join("examples/dialects/base");
        let model = project.path("model");
        fs::create_dir(&model).expect("a folder can be made");
        for file in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
            fs::copy(base.join(file), model.join(file)).expect("the demo's model is there");
        }
        let config = fs::read(base.join("config.json")).expect("the demo's model is there");
        let mut config: Value = serde_json::from_slice(&config).expect("JSON");
        config["max_position_embeddings"] = json!(tokens + 100);
        let write = |name: &str, text: String| {
            fs::write(project.path(name), text).expect("a file can be written");
        };
        write("model/config.json", config.to_string());
        let problem = |id| json!({ "id": id, "problem": format!("What is {id}?"), "answer": "3" });
        let lines = (0..problems).map(|id| problem(id.to_string()).to_string() + "\n");
        write("train.jsonl", lines.collect());
        let text = format!(
            "[run]\nname = \"test\"\nmethod = \"lte\"\nsteps = {steps}\n[model]\npath = \"model\"\n\
             [data]\ntrain = \"train.jsonl\"\n\
             [rollout]\nproblems = {problems}\ngroup = {group}\nmax_tokens = {tokens}\n\
             [evaluation]\nevery = 0\n\
             [server]\nurls = [\"{url}\"]\nmodel = \"policy\"\nconcurrency = {problems}\nverify_tokens = 0\n\
             [trainer]\nurl = \"{url}\"\n[dashboard]\nlisten = \"127.0.0.1:0\"\nenabled = false\n"
        );
        write("run.toml", text);
    }
}

/// Responses. If the problem is solved, the fourth of ten answers 3, which is right.
fn choices(count: usize, length: usize, solved: bool) -> Value {
    let response = |index: u32| {
        let answer = if solved { index % 10 } else { 4 + index % 6 };
        let filler = (0..).map(|at: u32| ZERO + (at * 31 + index * 7) % NUMBERS);
        let mut tokens: Vec<u32> = filler.take(length - 4).collect();
        tokens.extend([BOXED, ZERO + answer, CLOSE, END]);
        json!({
            "index": index, "text": "x ".repeat(length), "token_ids": tokens,
            "finish_reason": "stop", "stop_reason": null, "prompt_token_ids": null,
            "logprobs": {
                "token_logprobs": vec![LOGPROB; length],
                "tokens": vec!["x "; length],
                "top_logprobs": vec![json!({ "x ": LOGPROB }); length],
                "text_offset": (0..length).map(|at| 2 * at).collect::<Vec<_>>(),
            },
        })
    };
    (0..count as u32).map(response).collect()
}

/// vLLM's answer at the given time; immediate for the few short responses by which log-probabilities are
/// compared.
async fn complete(State(world): State<Arc<World>>, Json(request): Json<Value>) -> Response {
    let count = request["n"].as_u64().expect("a count") as usize;
    let choices = if count == world.shape.group && request["max_tokens"] == world.shape.tokens {
        let number = world.requests.fetch_add(1, Ordering::Relaxed);
        let ids = request["prompt"].as_array().expect("token ids");
        let prompt = ids.iter().filter_map(Value::as_u64).collect();
        let answer = (world.behaviour)(GroupRequest { number, prompt });
        tokio::time::sleep_until(answer.at.into()).await;
        world.choices[usize::from(answer.solved)].clone()
    } else {
        choices(count, 16, true).to_string()
    };
    let version = world.version.load(Ordering::Relaxed);
    let answer = format!(r#"{{"choices":{choices},"weight_version":"{version}"}}"#);
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

async fn weight_info(State(world): State<Arc<World>>) -> Json<Value> {
    let version = world.version.load(Ordering::Relaxed);
    Json(json!({ "weight_version": version.to_string() }))
}

async fn state(State(world): State<Arc<World>>) -> Json<Value> {
    let version = world.version.load(Ordering::Relaxed);
    let context = world.shape.tokens + 100;
    Json(json!({
        "version": version, "folder": format!("v{version:06}"), "parameters": 1,
        "vocabulary": 459, "context": context,
    }))
}

async fn score(State(world): State<Arc<World>>, Json(request): Json<Value>) -> Json<Value> {
    let sequences = request["sequences"].as_array().expect("sequences");
    let scores = |ids: &Value| vec![LOGPROB; ids.as_array().map_or(0, Vec::len) - 1];
    let logprobs: Vec<_> = sequences.iter().map(scores).collect();
    Json(json!({ "version": world.version.load(Ordering::Relaxed), "logprobs": logprobs }))
}

async fn publish(Json(request): Json<Value>) -> Json<Value> {
    let verified = json!({ "verified": { "max_difference": 0.0 } });
    let url = &request["servers"][0]["url"];
    let server = json!({ "url": url, "seconds": 0.0, "outcome": verified });
    Json(json!({ "version": request["version"], "servers": [server] }))
}

async fn train(State(world): State<Arc<World>>, body: Bytes) -> Json<Value> {
    let arrival = Arrival { at: Instant::now(), bytes: body.len() };
    // A caller that ignores batches does not store them.
    let _ = world.batches.send(arrival);
    let step = world.version.fetch_add(1, Ordering::Relaxed) + 1;
    Json(json!({
        "step": step, "folder": format!("v{step:06}"), "batch": "0".repeat(64),
        "metrics": {
            "loss": 0.0, "grad_norm": 0.0, "on_policy_tokens": 0, "hinted_tokens": 0,
            "trained_samples": 0, "entropy_coefficient": 0.0, "train_seconds": 0.0,
        },
    }))
}
