//! The requirements of a run on a policy server with vLLM's routes. The embedded one and a real vLLM are
//! tested against the same list. Both serve the demo's model in f32.

use serde_json::{Value, json};

use crate::{get, post};

const PROMPT: [u32; 6] = [5, 6, 7, 8, 9, 10];

/// A sampled response.
#[derive(Clone, Debug, PartialEq)]
struct Sampled {
    tokens: Vec<u32>,
    logprobs: Vec<f64>,
    finish: String,
}

/// A server under test.
pub struct Server {
    /// Its base URL.
    pub url: String,
}

impl Server {
    /// Tests everything on the list, with the weights of the folder `first`; `other` has other weights of
    /// the same model.
    pub async fn conforms(&self, first: &str, other: &str) {
        self.push(first, "40").await;
        self.says_what_it_serves().await;
        self.samples_by_ids().await;
        self.repeats_a_seed().await;
        self.scores_what_it_samples().await;
        self.ends_where_it_is_told().await;
        self.refuses_what_it_cannot_do().await;
        self.takes_weights(first, other).await;
    }

    async fn get(&self, route: &str) -> Value {
        let (status, answer) = get(&format!("{}{route}", self.url)).await;
        assert_eq!(status, 200, "{route}: {answer}");
        answer
    }

    async fn post(&self, route: &str, body: Value) -> Value {
        let (status, answer) = post(&format!("{}{route}", self.url), &body).await;
        assert_eq!(status, 200, "{route}: {answer}");
        answer
    }

    async fn complete(&self, more: &Value) -> Vec<Value> {
        let mut body = json!({
            "model": "policy", "prompt": PROMPT, "max_tokens": 8, "temperature": 1.0, "top_p": 1.0,
            "top_k": -1, "seed": 7, "logprobs": 0, "return_token_ids": true,
        });
        for (key, value) in more.as_object().expect("an object of parameters") {
            body[key] = value.clone();
        }
        let answer = self.post("/v1/completions", body).await;
        answer["choices"].as_array().expect("a list of choices").clone()
    }

    async fn sample(&self, more: Value) -> Vec<Sampled> {
        self.complete(&more).await.iter().map(read).collect()
    }

    async fn says_what_it_serves(&self) {
        self.get("/health").await;
        assert_eq!(self.get("/v1/models").await["data"][0]["id"], "policy");
        assert_eq!(self.get("/is_paused").await, json!({ "is_paused": false }));
        assert!(self.get("/weight_info").await["weight_version"].is_string());
    }

    async fn samples_by_ids(&self) {
        let choices = self.complete(&json!({ "n": 3 })).await;
        let indices: Vec<&Value> = choices.iter().map(|choice| &choice["index"]).collect();
        assert_eq!(indices, [0, 1, 2]);
        for choice in &choices {
            assert_eq!(choice["prompt_token_ids"], json!(PROMPT));
            let Sampled { tokens, logprobs, finish } = read(choice);
            assert_eq!(tokens.len(), logprobs.len());
            assert!(tokens.len() == 8 || finish == "stop", "{choice}");
            assert!(logprobs.iter().all(|logprob| (-50.0..=0.0).contains(logprob)));
        }
    }

    async fn repeats_a_seed(&self) {
        let two = self.sample(json!({ "n": 2, "seed": 70 })).await;
        assert_eq!(two, self.sample(json!({ "n": 2, "seed": 70 })).await);
        let next = self.sample(json!({ "seed": 71 })).await;
        assert_eq!(two[1].tokens, next[0].tokens, "response j of a request has seed + j");
        assert_ne!(two, self.sample(json!({ "n": 2, "seed": 700 })).await);
    }

    /// Log-probabilities of sampled tokens are those of the full distribution.
    async fn scores_what_it_samples(&self) {
        for sampled in self.sample(json!({ "n": 4, "max_tokens": 16 })).await {
            let ids = [&PROMPT, sampled.tokens.as_slice()].concat();
            let body = json!({ "prompt": ids, "max_tokens": 1, "prompt_logprobs": 0 });
            let scored = self.complete(&body).await.remove(0);
            let scored =
                scored["prompt_logprobs"].as_array().expect("scores of the prompt").clone();
            assert_eq!((scored.len(), &scored[0]), (ids.len(), &Value::Null));
            let of_response = ids.iter().zip(&scored).skip(PROMPT.len());
            for ((id, entry), reported) in of_response.zip(&sampled.logprobs) {
                let scored = entry[id.to_string()]["logprob"].as_f64().expect("a score");
                assert!((scored - reported).abs() < 1e-4, "token {id}: {scored}, {reported}");
            }
        }
    }

    async fn ends_where_it_is_told(&self) {
        let free = self.sample(json!({ "ignore_eos": true })).await.remove(0);
        assert_eq!((free.tokens.len(), free.finish.as_str()), (8, "length"));
        let stop = free.tokens[4];
        let kept = free.tokens.iter().position(|&token| token == stop).unwrap_or(4) + 1;
        let stops = json!({ "ignore_eos": true, "stop_token_ids": [stop] });
        let stopped = self.sample(stops).await.remove(0);
        // The end token belongs to the response.
        assert_eq!((stopped.tokens, stopped.finish.as_str()), (free.tokens[..kept].into(), "stop"));
        let greedy = json!({ "temperature": 0.0, "ignore_eos": true });
        let narrow = json!({ "top_k": 1, "ignore_eos": true });
        let (greedy, narrow) = (self.sample(greedy).await, self.sample(narrow).await);
        assert_eq!(greedy[0].tokens, narrow[0].tokens);
    }

    async fn refuses_what_it_cannot_do(&self) {
        let long: Vec<u32> = (0..500).map(|id| id % 100).collect();
        let cases = [
            (json!({ "model": "nobody", "prompt": PROMPT, "max_tokens": 1 }), 404),
            (json!({ "model": "policy", "prompt": long, "max_tokens": 1 }), 400),
            (json!({ "model": "policy", "prompt": [99_999], "max_tokens": 1 }), 400),
            (json!({ "model": "policy", "prompt": PROMPT, "max_tokens": 0 }), 400),
            (
                json!({ "model": "policy", "prompt": PROMPT, "max_tokens": 1, "temperature": -1.0 }),
                400,
            ),
        ];
        for (body, expected) in cases {
            let (status, answer) = post(&format!("{}/v1/completions", self.url), &body).await;
            assert_eq!(status, expected, "{body}: {answer}");
            assert!(answer["error"]["message"].is_string(), "{answer}");
        }
        let (status, _) = get(&format!("{}/nowhere", self.url)).await;
        assert_eq!(status, 404);
    }

    /// Pause, reload, clear caches, label, resume; and back again.
    async fn takes_weights(&self, first: &str, other: &str) {
        let before = self.sample(json!({ "n": 2 })).await;
        self.push(other, "41").await;
        let between = self.sample(json!({ "n": 2 })).await;
        assert_ne!(before, between);
        self.push(first, "42").await;
        assert_eq!(self.sample(json!({ "n": 2 })).await, before);
    }

    async fn push(&self, folder: &str, label: &str) {
        self.post("/pause?mode=keep&clear_cache=true", json!({})).await;
        assert_eq!(self.get("/is_paused").await, json!({ "is_paused": true }));
        let reload = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
        let reloaded = self.post("/collective_rpc", reload).await;
        assert_eq!(reloaded, json!({ "results": [null] }));
        self.post("/reset_prefix_cache", json!({})).await;
        self.post("/update_weight_version", json!({ "new_version": label })).await;
        assert_eq!(self.get("/weight_info").await["weight_version"], label);
        self.post("/resume", json!({})).await;
        assert_eq!(self.get("/is_paused").await, json!({ "is_paused": false }));
    }
}

fn read(choice: &Value) -> Sampled {
    let list = |value: &Value| -> Vec<f64> {
        let list = value.as_array().unwrap_or_else(|| panic!("{choice}"));
        list.iter().filter_map(Value::as_f64).collect()
    };
    Sampled {
        tokens: list(&choice["token_ids"]).into_iter().map(|id| id as u32).collect(),
        logprobs: list(&choice["logprobs"]["token_logprobs"]),
        finish: choice["finish_reason"].as_str().unwrap_or_default().to_owned(),
    }
}
