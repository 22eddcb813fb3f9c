//! Rollout tokens a second of the embedded server, over HTTP, at 1 and at 64 concurrent requests.
//!
//! On the demo's base model if it is there, else on one of the same kind with fresh weights.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use retrial_text::Text;
use retrial_trainer::compute::Compute;
use retrial_trainer::model::{Decoder, ModelConfig, write_tensors};
use retrial_trainer::policy::command::{Options, Products};
use retrial_trainer::policy::engine::Engine;
use retrial_trainer::policy::request::Limits;
use retrial_trainer::policy::routes;
use retrial_trainer::policy::sampling::LogprobsMode;
use serde_json::{Value, json};
use tch::Device;

const SECONDS: u64 = 5;
const PROMPT_TOKENS: usize = 40;
const RESPONSE_TOKENS: usize = 64;

#[tokio::main]
async fn main() {
    let fresh = tempfile::tempdir().expect("a temporary folder");
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/dialects/base");
    let folder = if base.join("model.safetensors").exists() {
        base
    } else {
        write_model(fresh.path());
        fresh.path().into()
    };
    let url = serve(&folder).await;
    let vocabulary = ModelConfig::load(&folder).expect("it was just loaded").vocabulary as usize;
    let name = folder.display();
    println!("embedded server, {PROMPT_TOKENS} + {RESPONSE_TOKENS} tokens a request, model {name}");
    for (clients, n) in [(1, 1), (64, 1), (8, 8)] {
        let speed = measure(&url, vocabulary, clients, n).await;
        println!("{clients:3} concurrent requests of {n} responses: {speed:8.0} tokens/s");
    }
}

async fn serve(folder: &Path) -> String {
    let model = Decoder::load(folder, Device::Cpu).expect("the model loads");
    let text = Arc::new(Text::load(folder).expect("the tokenizer loads"));
    let context = model.config().context;
    let limits =
        Limits { model: "policy".into(), context, vocabulary: model.config().vocabulary as usize };
    let options = Options {
        max_sequences: 128,
        context,
        logprobs: LogprobsMode::Processed,
        threads: 1,
        compute: Compute::default(),
        products: Products::Best,
    };
    let engine = Engine::start(model, folder.into(), Arc::clone(&text), options);
    let router = routes::router(engine.expect("a thread"), text, String::new(), limits);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Tokens sampled a second while each of `clients` sends requests for `n` responses repeatedly.
async fn measure(url: &str, vocabulary: usize, clients: usize, n: usize) -> f64 {
    let http = retrial_servers::plain_client();
    let start = Instant::now();
    let tokens = AtomicUsize::new(0);
    let client = async |client: usize| {
        let mut request = 0;
        while start.elapsed() < Duration::from_secs(SECONDS) {
            request += 1;
            let prompt: Vec<usize> = (0..PROMPT_TOKENS)
                .map(|i| (client * 31 + request * 7 + i * 3) % vocabulary)
                .collect();
            let body = json!({
                "model": "policy", "prompt": prompt, "n": n, "max_tokens": RESPONSE_TOKENS,
                "temperature": 1.0, "top_p": 1.0, "top_k": -1, "seed": request * 65536,
                "logprobs": 0, "return_token_ids": true, "ignore_eos": true,
            });
            let answer = http.post(format!("{url}/v1/completions")).json(&body).send().await;
            let answer: Value = answer.expect("an answer").json().await.expect("JSON");
            let sampled = answer["usage"]["completion_tokens"].as_u64().expect("usage");
            tokens.fetch_add(sampled as usize, Ordering::Relaxed);
        }
    };
    join_all((0..clients).map(client)).await;
    tokens.into_inner() as f64 / start.elapsed().as_secs_f64()
}

/// A model of 3 layers of width 96 over 128 tokens, and a tokenizer for it.
fn write_model(folder: &Path) {
    let write = |name: &str, value: Value| {
        std::fs::write(folder.join(name), value.to_string()).expect("the disk has room");
    };
    write(
        "config.json",
        json!({
            "model_type": "qwen3", "vocab_size": 128, "hidden_size": 96, "intermediate_size": 256,
            "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24,
            "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 256,
            "tie_word_embeddings": true,
        }),
    );
    let words: serde_json::Map<String, Value> =
        (0..128).map(|id| (format!("w{id}"), id.into())).collect();
    write(
        "tokenizer.json",
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null,
            "decoder": null, "model": { "type": "WordLevel", "vocab": words, "unk_token": "w0" },
        }),
    );
    write("tokenizer_config.json", json!({}));
    let file: PathBuf = folder.join("model.safetensors");
    let model = Decoder::fresh(folder, 1, Device::Cpu).expect("the configuration is valid");
    write_tensors(&file, model.parameters(), tch::Kind::Float).expect("the disk has room");
}
