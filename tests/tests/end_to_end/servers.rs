//! Against real servers; `make test-servers` installs and starts them.

use std::path::Path;
use std::time::{Duration, Instant};

use retrial_tests::{KEY, Project, Server, Service, post, shown};
use serde_json::{Value, json};

/// A real server, as the script that starts it has named it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Vllm,
    Sglang,
}

impl Kind {
    fn url(self) -> String {
        let variable = match self {
            Self::Vllm => "RETRIAL_VLLM_URL",
            Self::Sglang => "RETRIAL_SGLANG_URL",
        };
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names the server"))
    }

    fn setting(self) -> String {
        format!("server.urls=[\"{}\"]", self.url())
    }

    /// The settings that have a run sample from it, with its key.
    fn settings(self) -> [String; 4] {
        let key = format!("server.api_key_env={KEY}");
        ["--set".into(), self.setting(), "--set".into(), key]
    }
}

/// Three steps: each push is verified, and the log-probabilities that the server reports for what
/// it sampled are the trainer's.
async fn lte(kind: Kind, more: &[&str]) {
    let project = Project::new();
    let server = kind.settings();
    let settings = server.iter().map(String::as_str).chain(["--set", "run.steps=3"]);
    let output = project.train(&settings.chain(more.iter().copied()).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", shown(&output));

    let log = project.log().await;
    let pushes: Vec<(i64, f64)> =
        sqlx::query_as("SELECT version, max_difference FROM weights ORDER BY version")
            .fetch_all(&log)
            .await
            .unwrap();
    assert_eq!(pushes.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(pushes.iter().all(|(_, difference)| *difference < 1e-4), "{pushes:?}");
    let mismatches: Vec<f64> =
        sqlx::query_scalar("SELECT value FROM step_metrics WHERE name = 'sampler_mismatch'")
            .fetch_all(&log)
            .await
            .unwrap();
    assert_eq!(mismatches.len(), 3);
    assert!(mismatches.iter().all(|mismatch| *mismatch < 1e-4), "{mismatches:?}");
}

/// Replaces the bytes of a file.
fn rewrite(path: &Path, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, change(bytes)).unwrap();
}

/// Weights that were damaged after they were written: the run says what is wrong with them and
/// stops; the server keeps the ones it had, and the run goes on once the files are whole.
fn damaged_weights(kind: Kind) {
    let project = Project::new();
    let train = |more: &[&str]| {
        let server = kind.settings();
        let server: Vec<&str> = server.iter().map(String::as_str).collect();
        project.train(&[&server, more].concat())
    };
    let one = train(&["--set", "run.steps=1"]);
    assert!(one.status.success(), "{}", shown(&one));
    // It has version 1 in memory already when the files are damaged.
    let trainer = Service::trainer(&project.path("runs/test"));
    let at = format!("trainer.url={}", trainer.url);
    let weights = project.path("runs/test/v000001/model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    let replace = |from: &str, to: &str| {
        rewrite(&weights, |mut bytes| {
            let found = bytes.windows(from.len()).position(|part| part == from.as_bytes());
            let at = found.expect("the header has it");
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            bytes
        });
    };
    let cases: [(&dyn Fn(), &str); 3] = [
        (
            &|| replace("model.norm.weight", "model.norn.weight"),
            "lacks a tensor: model.norm.weight",
        ),
        (&|| rewrite(&weights, |bytes| bytes[..bytes.len() / 2].to_vec()), "its header says"),
        (&|| replace("[96,288]", "[288,96]"), "has shape [288, 96]"),
    ];
    let more = ["--set", "run.steps=2", "--set", &at, "--resume"];
    for (damage, problem) in cases {
        damage();
        let refused = train(&more);
        assert_eq!(refused.status.code(), Some(1), "{}", shown(&refused));
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(error.contains("version 1 was not pushed") && error.contains(problem), "{error}");
        std::fs::write(&weights, &whole).unwrap();
    }
    let resumed = train(&more);
    assert!(resumed.status.success(), "{}", shown(&resumed));
}

/// A response with the weights that sampled each stretch of it.
struct Response {
    tokens: Vec<u32>,
    logprobs: Vec<f64>,
    /// Version, and one past its last token.
    spans: Vec<(String, usize)>,
}

const PROMPT: [u32; 5] = [5, 6, 7, 8, 9];
const TOKENS: usize = 100;

/// Samples eight responses of so many tokens, as the adapters do.
async fn sample(kind: Kind, url: &str, seed: usize, tokens: usize) -> Vec<Response> {
    let mut parameters = json!({ "n": 8, "temperature": 1.0, "ignore_eos": true });
    let answer = match kind {
        Kind::Vllm => {
            parameters["max_tokens"] = json!(tokens);
            parameters["logprobs"] = json!(0);
            parameters["seed"] = json!(seed * 8);
            let body = json!({ "token_ids": PROMPT, "sampling_params": parameters });
            post(&format!("{url}/inference/v1/generate"), &body).await
        }
        Kind::Sglang => {
            parameters["max_new_tokens"] = json!(tokens);
            let body = json!({ "input_ids": PROMPT, "sampling_params": parameters,
                               "return_logprob": true });
            post(&format!("{url}/generate"), &body).await
        }
    };
    assert_eq!(answer.0, 200, "{}", answer.1);
    let choices = if kind == Kind::Vllm { &answer.1["choices"] } else { &answer.1 };
    choices.as_array().unwrap().iter().map(|choice| read(kind, choice)).collect()
}

fn read(kind: Kind, choice: &Value) -> Response {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let ids = |value: &Value| -> Vec<u32> {
        list(value).iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    let (tokens, logprobs, spans) = match kind {
        Kind::Vllm => {
            let scored = list(&choice["logprobs"]["content"]);
            let logprobs = scored.iter().map(|token| token["logprob"].as_f64().unwrap()).collect();
            (ids(&choice["token_ids"]), logprobs, &choice["weight_versions"])
        }
        Kind::Sglang => {
            let meta = &choice["meta_info"];
            let scored = list(&meta["output_token_logprobs"]);
            let logprobs = scored.iter().map(|token| token[0].as_f64().unwrap()).collect();
            (ids(&choice["output_ids"]), logprobs, &meta["weight_versions"])
        }
    };
    let span = |span: &Value| {
        (span["version"].as_str().unwrap().to_owned(), span["end"].as_u64().unwrap() as usize)
    };
    Response { tokens, logprobs, spans: list(spans).iter().map(span).collect() }
}

/// Log-probabilities of a response's tokens as the trainer's own code computes them.
async fn scores(policy: &Service, response: &[u32]) -> Vec<f64> {
    let ids = [&PROMPT, response].concat();
    let body = json!({ "model": "policy", "prompt": ids, "max_tokens": 1, "prompt_logprobs": 0 });
    let (status, answer) = post(&format!("{}/v1/completions", policy.url), &body).await;
    assert_eq!(status, 200, "{answer}");
    let scored = answer["choices"][0]["prompt_logprobs"].as_array().unwrap();
    let of_token = |(id, entry): (&u32, &Value)| entry[id.to_string()]["logprob"].as_f64().unwrap();
    ids.iter().zip(scored).skip(PROMPT.len()).map(of_token).collect()
}

/// Responses that are under way while weights are pushed: each token has the log-probability of
/// the weights that its span names, over the whole of what precedes it.
async fn across_a_push(kind: Kind) {
    let project = Project::new();
    let server = kind.settings();
    let one = server.iter().map(String::as_str).chain(["--set", "run.steps=1"]);
    let trained = project.train(&one.collect::<Vec<_>>());
    assert!(trained.status.success(), "{}", shown(&trained));
    let folder = |version: u64| project.path(&format!("runs/test/v{version:06}"));
    let (old, new) = (Service::policy_on(&folder(0), &[]), Service::policy_on(&folder(1), &[]));
    // The server is at version 1; a trainer that has not taken the step has version 0.
    let before = Service::trainer(&project.path("before"));
    let after = Service::trainer(&project.path("runs/test"));
    let publish = async |trainer: &Service, version: u64| {
        let name = if kind == Kind::Vllm { "vllm" } else { "sglang" };
        let servers = json!([{ "url": kind.url(), "kind": name }]);
        let body = json!({ "version": version, "servers": servers, "probe": PROMPT,
                           "tolerance": 1e-4, "timeout_seconds": 60,
                           "access": { "api_key_env": KEY } });
        let (status, answer) = post(&format!("{}/publish", trainer.url), &body).await;
        assert!(status == 200 && answer.to_string().contains("verified"), "{answer}");
    };

    let deadline = Instant::now() + Duration::from_mins(2);
    let mut seed = 0;
    let crossing = loop {
        assert!(Instant::now() < deadline, "no response was under way during a push");
        publish(&before, 0).await;
        seed += 4;
        let start = |tokens, seed| {
            let url = kind.url();
            tokio::spawn(async move { sample(kind, &url, seed, tokens).await })
        };
        let short = start(TOKENS / 4, seed);
        let under_way = [start(TOKENS, seed + 1), start(TOKENS, seed + 2), start(TOKENS, seed + 3)];
        // Once the short ones have ended the long ones are somewhere in the middle.
        short.await.unwrap();
        publish(&after, 1).await;
        let mut responses = Vec::new();
        for task in under_way {
            responses.extend(task.await.unwrap());
        }
        responses.retain(|response| response.spans.len() > 1);
        if !responses.is_empty() {
            break responses;
        }
    };
    for response in &crossing {
        let names: Vec<&str> = response.spans.iter().map(|span| span.0.as_str()).collect();
        assert_eq!(names, ["0", "1"]);
        let switch = response.spans[0].1;
        let (old, new) =
            (scores(&old, &response.tokens).await, scores(&new, &response.tokens).await);
        for (position, reported) in response.logprobs.iter().enumerate() {
            let expected = if position < switch { old[position] } else { new[position] };
            let difference = (reported - expected).abs();
            assert!(difference < 1e-4, "token {position}, switch at {switch}: {difference}");
        }
    }
    println!("{} responses were under way", crossing.len());
}

/// A run that does not show the key that the server was started with says how to.
fn wants_a_key(kind: Kind) {
    let output = Project::new().train(&["--set", &kind.setting()]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("401") && error.contains("api_key_env"), "{error}");
}

#[test]
#[ignore = "needs vLLM: make test-servers"]
fn a_key_is_wanted_on_vllm() {
    wants_a_key(Kind::Vllm);
}

#[test]
#[ignore = "needs SGLang: make test-servers"]
fn a_key_is_wanted_on_sglang() {
    wants_a_key(Kind::Sglang);
}

#[tokio::test]
#[ignore = "needs vLLM: make test-servers"]
async fn lte_on_vllm() {
    lte(Kind::Vllm, &[]).await;
}

/// An adapter that learns fast enough to be told from the model it is on.
#[tokio::test]
#[ignore = "needs vLLM with --enable-lora: make test-servers"]
async fn lte_by_an_adapter_on_lora_vllm() {
    let adapter = "trainer.lora={ rank = 4, alpha = 8.0 }";
    lte(Kind::Vllm, &["--set", adapter, "--set", "optimizer.learning_rate=0.01"]).await;
}

#[tokio::test]
#[ignore = "needs SGLang: make test-servers"]
async fn lte_on_sglang() {
    lte(Kind::Sglang, &[]).await;
}

#[tokio::test]
#[ignore = "needs vLLM: make test-servers"]
async fn conformance_on_vllm() {
    let project = Project::new();
    let server = Kind::Vllm.settings();
    let one = server.iter().map(String::as_str).chain(["--set", "run.steps=1"]);
    let trained = project.train(&one.collect::<Vec<_>>());
    assert!(trained.status.success(), "{}", shown(&trained));
    let (first, other) = (project.version(0), project.version(1));
    let server = Server { url: Kind::Vllm.url() };
    server.conforms(&first, &other).await;
}

#[test]
#[ignore = "needs vLLM: make test-servers"]
fn damaged_weights_on_vllm() {
    damaged_weights(Kind::Vllm);
}

#[test]
#[ignore = "needs SGLang: make test-servers"]
fn damaged_weights_on_sglang() {
    damaged_weights(Kind::Sglang);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs vLLM: make test-servers"]
async fn across_a_push_on_vllm() {
    across_a_push(Kind::Vllm).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SGLang: make test-servers"]
async fn across_a_push_on_sglang() {
    across_a_push(Kind::Sglang).await;
}
