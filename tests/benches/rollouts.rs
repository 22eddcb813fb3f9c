//! What the orchestrator adds to the time that servers need for rollouts, its CPU time a rollout
//! and its memory: `cargo bench -p retrial-tests --bench rollouts`.
//!
//! A server is simulated in this process, and a trainer; `retrial run` is a process of its own. All
//! rollouts of the step are in flight at once. They end within the same moment, which is the hardest
//! case, as all of the work that they make comes when nothing hides it, or one after another over the
//! last tenth of the server's time. The time goes from the first request to the batch that the
//! trainer gets, so it holds the step's prompts, decoding, grading and logging too.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use retrial_tests::{Project, binary, root};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PROBLEMS: usize = 128;
const GROUP: usize = 8;
const ROLLOUTS: usize = PROBLEMS * GROUP;
const TOKENS: usize = 1000;
/// Of a sequence on an 80 GB GPU that serves some thousand of them.
const TOKENS_PER_SECOND: f64 = 50.0;
const RUNS: usize = 3;
/// The part of the server's time over which responses end.
const SPREADS: [f64; 2] = [0.0, 0.1];
const DEADLINE: Duration = Duration::from_secs(90);
const LOGPROB: f64 = -0.5;

/// Of the demo's tokenizer.
const BOXED: u32 = 291;
const ZERO: u32 = 328;
const NUMBERS: u32 = 131;
const CLOSE: u32 = 292;
const END: u32 = 258;

/// The simulated server and trainer.
struct World {
    /// The answer to a request for a group.
    group: Bytes,
    /// The part of the server's time over which responses end.
    spread: f64,
    first_request: OnceLock<Instant>,
    requests: AtomicUsize,
    /// Arrival of a batch, and its size in bytes.
    batches: mpsc::UnboundedSender<(Instant, usize)>,
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether this starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let server_seconds = TOKENS as f64 / TOKENS_PER_SECOND;
    println!(
        "{ROLLOUTS} rollouts of {TOKENS} tokens at once, {server_seconds:.0} s of the server's own \
         time"
    );
    println!("ends over %  overhead %  CPU ms a rollout  most memory MB  batch MB");
    for spread in SPREADS.into_iter().flat_map(|spread| [spread; RUNS]) {
        let Measured { seconds, cpu_seconds, memory_kb, batch_bytes } = measure(spread).await;
        println!(
            "{:>11.0}  {:>10.2}  {:>16.2}  {:>14.0}  {:>8.1}",
            100.0 * spread,
            100.0 * (seconds / server_seconds - 1.0),
            1e3 * cpu_seconds / ROLLOUTS as f64,
            memory_kb / 1024.0,
            batch_bytes as f64 / 1e6,
        );
    }
}

struct Measured {
    /// From the first request for a rollout to the batch.
    seconds: f64,
    cpu_seconds: f64,
    memory_kb: f64,
    batch_bytes: usize,
}

/// One step of `retrial run`, until its batch is in the trainer's hands.
async fn measure(spread: f64) -> Measured {
    let (batches, mut arrivals) = mpsc::unbounded_channel();
    let group = Bytes::from(responses(GROUP as u64, TOKENS).to_string());
    let (first_request, requests) = (OnceLock::new(), AtomicUsize::new(0));
    let world = Arc::new(World { group, spread, first_request, requests, batches });
    let url = serve(Arc::clone(&world)).await;
    let project = Project::new();
    let config = configure(&project, &url);
    let mut run = Command::new(binary("retrial"))
        .current_dir(project.path(""))
        .arg("run")
        .arg(config)
        .stderr(Stdio::inherit())
        .spawn()
        .expect("retrial can be started");
    let batch = timeout(DEADLINE, arrivals.recv()).await.expect("a batch comes in time");
    let (arrived, batch_bytes) = batch.expect("the trainer stays");
    let started = world.first_request.get().expect("rollouts come before a batch");
    let measured = Measured {
        seconds: arrived.duration_since(*started).as_secs_f64(),
        cpu_seconds: cpu_seconds(run.id()),
        memory_kb: memory_kb(run.id()),
        batch_bytes,
    };
    run.kill().expect("it has not ended yet");
    run.wait().expect("it can be waited for");
    measured
}

async fn serve(world: Arc<World>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let router = Router::new()
        .route("/v1/models", get(async || Json(json!({ "data": [{ "id": "policy" }] }))))
        .route("/weight_info", get(async || Json(json!({ "weight_version": "0" }))))
        .route("/v1/completions", post(complete))
        .route("/state", get(state))
        .route("/score", post(score))
        .route("/publish", post(publish))
        .route("/train", post(train))
        .layer(DefaultBodyLimit::disable())
        .with_state(world);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// vLLM's answer after the time that a GPU would have taken; at once to the few short responses
/// by which log-probabilities are compared.
async fn complete(State(world): State<Arc<World>>, Json(request): Json<Value>) -> Response {
    if request["n"] != GROUP {
        return Json(responses(request["n"].as_u64().expect("a count"), 16)).into_response();
    }
    let started = *world.first_request.get_or_init(Instant::now);
    // The last one takes all of the time.
    let left = PROBLEMS - 1 - world.requests.fetch_add(1, Ordering::Relaxed);
    let part = 1.0 - world.spread * left as f64 / PROBLEMS as f64;
    let end = started + Duration::from_secs_f64(part * TOKENS as f64 / TOKENS_PER_SECOND);
    tokio::time::sleep_until(end.into()).await;
    ([(header::CONTENT_TYPE, "application/json")], world.group.clone()).into_response()
}

/// Responses of a group, one of them right.
fn responses(count: u64, length: usize) -> Value {
    let response = |index: u32| {
        let filler = (0..).map(|at: u32| ZERO + (at * 31 + index * 7) % NUMBERS);
        let mut tokens: Vec<u32> = filler.take(length - 4).collect();
        tokens.extend([BOXED, ZERO + index, CLOSE, END]);
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
    let choices: Vec<Value> = (0..count as u32).map(response).collect();
    json!({ "choices": choices, "weight_version": "0" })
}

async fn state() -> Json<Value> {
    Json(json!({
        "version": 0, "folder": "v000000", "parameters": 1, "vocabulary": 459, "context": 4096,
    }))
}

async fn score(Json(request): Json<Value>) -> Json<Value> {
    let sequences = request["sequences"].as_array().expect("sequences");
    let scores = |ids: &Value| vec![LOGPROB; ids.as_array().map_or(0, Vec::len) - 1];
    Json(json!({ "version": 0, "logprobs": sequences.iter().map(scores).collect::<Vec<_>>() }))
}

async fn publish(Json(request): Json<Value>) -> Json<Value> {
    let verified = json!({ "verified": { "max_difference": 0.0 } });
    let url = &request["servers"][0]["url"];
    Json(json!({
        "version": 0, "servers": [{ "url": url, "seconds": 0.0, "outcome": verified }],
    }))
}

async fn train(State(world): State<Arc<World>>, batch: Bytes) -> StatusCode {
    world.batches.send((Instant::now(), batch.len())).expect("somebody measures");
    std::future::pending().await
}

/// A configuration with the demo's tokenizer and a longer context.
fn configure(project: &Project, url: &str) -> std::path::PathBuf {
    let base = root().join("examples/dialects/base");
    let model = project.path("model");
    fs::create_dir(&model).expect("a folder can be made");
    for file in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
        fs::copy(base.join(file), model.join(file)).expect("the demo's model is there");
    }
    let mut config: Value = read_json(&base.join("config.json"));
    config["max_position_embeddings"] = json!(4096);
    fs::write(model.join("config.json"), config.to_string()).expect("a file can be written");
    let problem =
        |id: usize| format!(r#"{{"id":"{id}","problem":"What is 1 + {id}?","answer":"3"}}"#) + "\n";
    fs::write(project.path("train.jsonl"), (0..PROBLEMS).map(problem).collect::<String>())
        .expect("a file can be written");
    let text = format!(
        "[run]\nname = \"bench\"\nmethod = \"lte\"\nsteps = 1\n[model]\npath = \"model\"\n\
         [data]\ntrain = \"train.jsonl\"\n\
         [rollout]\nproblems = {PROBLEMS}\ngroup = {GROUP}\nmax_tokens = {TOKENS}\n\
         [server]\nurls = [\"{url}\"]\nmodel = \"policy\"\nconcurrency = {PROBLEMS}\n\
         [trainer]\nurl = \"{url}\"\n[dashboard]\nenabled = false\n"
    );
    let path = project.path("run.toml");
    fs::write(&path, text).expect("a file can be written");
    path
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// User and system time that a process has taken.
fn cpu_seconds(process: u32) -> f64 {
    // In hundredths, whatever the kernel's own clock: `man 5 proc_pid_stat`.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / TICKS_PER_SECOND
}

/// The most memory that a process has held.
fn memory_kb(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says it");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}
