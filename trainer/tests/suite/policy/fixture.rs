//! A tiny model with a byte-level tokenizer, served over real HTTP, and the same model without
//! server, cache or batch to compare with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use retrial_text::Text;
use retrial_trainer::compute::Compute;
use retrial_trainer::model::{self, Decoder};
use retrial_trainer::policy::command::{Options, Products};
use retrial_trainer::policy::engine::Engine;
use retrial_trainer::policy::request::Limits;
use retrial_trainer::policy::routes;
use retrial_trainer::policy::sampling::LogprobsMode;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::common::ready;

/// Name of the served model.
pub const MODEL: &str = "tiny";
/// Ids 0, 1, 2 are special; id b + 3 is byte b.
pub const VOCABULARY: usize = 259;
/// The default end token; it is `<|im_end|>`.
pub const END: u32 = 2;

/// Settings of a test's server.
#[derive(Clone, Copy)]
pub struct Setup {
    pub context: usize,
    pub max_sequences: usize,
    pub end: u32,
    pub logprobs: LogprobsMode,
    /// Width of the hidden states and of a head.
    pub widths: (usize, usize),
    /// Context and vocabulary that requests are checked against, where they are not the model's: more
    /// than it has makes libtorch fail.
    pub claims: Option<(usize, usize)>,
    /// Whose products are used.
    pub products: Products,
    pub threads: u16,
}

impl Setup {
    pub const DEFAULT: Self = Self {
        // Not a multiple of anything.
        context: 100,
        max_sequences: 64,
        end: END,
        logprobs: LogprobsMode::Raw,
        widths: (32, 16),
        claims: None,
        products: Products::Best,
        threads: 1,
    };
}

impl Default for Setup {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Makes the folder of a model with fresh weights.
pub fn write_model(folder: &Path, setup: Setup, seed: i64) {
    ready();
    let (hidden, head) = setup.widths;
    let config = json!({
        "model_type": "qwen3", "vocab_size": VOCABULARY, "hidden_size": hidden,
        "intermediate_size": hidden * 3, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": head, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "max_position_embeddings": setup.context, "tie_word_embeddings": true,
        "initializer_range": 0.3, "eos_token_id": setup.end,
    });
    let write = |name: &str, value: &Value| {
        std::fs::write(folder.join(name), value.to_string()).unwrap();
    };
    write("config.json", &config);
    write("tokenizer.json", &tokenizer());
    let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
                    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    write(
        "tokenizer_config.json",
        &json!({ "chat_template": template, "eos_token": "<|im_end|>" }),
    );
    write_weights(folder, folder, seed);
}

/// Writes fresh weights for the `config.json` of `model` into `folder`.
pub fn write_weights(model: &Path, folder: &Path, seed: i64) {
    let fresh = Decoder::fresh(model, seed, Device::Cpu).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    model::write_tensors(&folder.join("model.safetensors"), fresh.parameters(), Kind::Float)
        .unwrap();
}

fn tokenizer() -> Value {
    // GPT-2's printable stand-ins for bytes: themselves where they are visible, others in order
    // from U+0100 on.
    let visible = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut hidden = (0x100..).map(|code| char::from_u32(code).unwrap());
    let mut vocabulary = serde_json::Map::new();
    let special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
    for (id, token) in special.iter().enumerate() {
        vocabulary.insert((*token).into(), id.into());
    }
    for byte in 0..=u8::MAX {
        let stand_in = if visible(byte) { char::from(byte) } else { hidden.next().unwrap() };
        vocabulary.insert(stand_in.into(), (u32::from(byte) + 3).into());
    }
    let added: Vec<Value> = special
        .iter()
        .enumerate()
        .map(|(id, token)| {
            json!({ "id": id, "content": token, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": true })
        })
        .collect();
    let byte_level = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                             "use_regex": false });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": byte_level, "post_processor": null,
        "decoder": byte_level,
        "model": { "type": "BPE", "dropout": null, "unk_token": null,
                   "continuing_subword_prefix": null, "end_of_word_suffix": null,
                   "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": [] },
    })
}

/// A running server.
pub struct Server {
    url: String,
    http: reqwest::Client,
    serving: JoinHandle<()>,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), setup, 1);
        let model = Decoder::load(folder.path(), Device::Cpu).unwrap();
        let text = Arc::new(Text::load(folder.path()).unwrap());
        let options = Options {
            max_sequences: setup.max_sequences,
            context: setup.context,
            logprobs: setup.logprobs,
            threads: setup.threads,
            compute: Compute::default(),
            products: setup.products,
        };
        let root = folder.path().display().to_string();
        let engine =
            Engine::start(model, folder.path().into(), Arc::clone(&text), options).unwrap();
        let (context, vocabulary) = setup.claims.unwrap_or((setup.context, VOCABULARY));
        let limits = Limits { model: MODEL.into(), context, vocabulary };
        let router = routes::router(engine, text, root, limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, http: retrial_servers::plain_client(), serving, folder }
    }

    /// The folder of its model.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes other weights for its model.
    pub fn weights(&self, seed: i64) -> PathBuf {
        let folder = self.folder().join(format!("weights-{seed}"));
        write_weights(self.folder(), &folder, seed);
        folder
    }

    pub fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.request(path).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub async fn get_json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// A control call that must succeed.
    pub async fn control(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn reload(&self, folder: &Path) -> (u16, Value) {
        let body = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
        self.post("/collective_rpc", &body).await
    }

    /// The answer to a completion request, which must succeed.
    pub async fn complete(&self, body: Value) -> Value {
        let (status, answer) = self.post("/v1/completions", &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub async fn choices(&self, body: Value) -> Vec<Choice> {
        let answer = self.complete(body).await;
        answer["choices"].as_array().unwrap().iter().map(Choice::from).collect()
    }

    pub async fn choice(&self, body: Value) -> Choice {
        self.choices(body).await.remove(0)
    }

    pub async fn metric(&self, name: &str) -> usize {
        let text = self.get("/metrics").await.text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("vllm:{name}{{")));
        let value: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        value as usize
    }

    /// Waits until a metric satisfies a condition.
    pub async fn wait_for(&self, name: &str, condition: impl Fn(usize) -> bool) -> usize {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let value = self.metric(name).await;
            if condition(value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{name} stays at {value}");
        }
    }
}

/// What the tests look at in a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub tokens: Vec<u32>,
    pub logprobs: Vec<f32>,
    pub text: String,
    pub finish: String,
}

impl From<&Value> for Choice {
    fn from(choice: &Value) -> Self {
        let read = |value: &Value| serde_json::from_value(value.clone()).unwrap();
        Self {
            tokens: read(&choice["token_ids"]),
            logprobs: serde_json::from_value(choice["logprobs"]["token_logprobs"].clone()).unwrap(),
            text: choice["text"].as_str().unwrap().into(),
            finish: choice["finish_reason"].as_str().unwrap().into(),
        }
    }
}

/// A completion request as Retrial sends it.
#[allow(clippy::needless_pass_by_value)] // so that calls read as data
pub fn ask(prompt: &[u32], change: Value) -> Value {
    let mut body = json!({
        "model": MODEL, "prompt": prompt, "n": 1, "max_tokens": 24, "temperature": 1.0,
        "top_p": 1.0, "top_k": -1, "seed": 7, "logprobs": 0, "return_token_ids": true,
        "ignore_eos": true,
    });
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// A prompt of `length` tokens, unlike those of other seeds.
pub fn prompt(seed: u32, length: u32) -> Vec<u32> {
    (0..length).map(|i| (seed * 31 + i * 17 + i * i * seed) % VOCABULARY as u32).collect()
}

/// The model alone: whole sequences, no cache, no batch.
pub struct Reference(Decoder);

impl Reference {
    pub fn load(model: &Path) -> Self {
        Self(Decoder::load(model, Device::Cpu).unwrap())
    }

    /// The reference for other weights of the same model.
    pub fn reload(mut self, folder: &Path) -> Self {
        self.0.reload(folder).unwrap();
        self
    }

    /// Log-probabilities of all tokens after each prefix of `ids`, nats.
    pub fn logprobs(&self, ids: &[u32], temperature: f64) -> Vec<Vec<f64>> {
        let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let hidden = self.0.prefill(&Tensor::from_slice(&ids).unsqueeze(0)).0;
        let logits = self.0.logits(&hidden).squeeze_dim(0).to_kind(Kind::Double) / temperature;
        Vec::<Vec<f64>>::try_from(logits.log_softmax(-1, Kind::Double)).unwrap()
    }

    /// Log-probability of each token of `response` after `prompt`.
    pub fn score(&self, prompt: &[u32], response: &[u32], temperature: f64) -> Vec<f64> {
        let all = self.logprobs(&[prompt, response].concat(), temperature);
        let after = all.iter().skip(prompt.len() - 1);
        after.zip(response).map(|(row, &token)| row[token as usize]).collect()
    }
}

/// Largest difference of two lists of log-probabilities.
pub fn distance(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - b).abs()).fold(0.0, f64::max)
}
