//! Rollouts from an OpenAI-compatible policy server: vLLM, or the embedded one, which speaks the
//! same.
//!
//! Token ids go in and come out. Every sampling parameter is sent, because a server fills what is
//! missing from the model's own files. A response that was aborted, or whose numbers do not add up,
//! is a failed request and is asked for again; it never becomes a rollout.

use std::time::Duration;

use retrial_lte::Seed;
use serde::Deserialize;
use serde_json::json;

use crate::domain::FinishReason;
use crate::http::{self, CallError, Transience};

/// vLLM's number for a log-probability that it does not have.
const INVALID_LOGPROB: f32 = -9999.0;

/// Servers drop idle connections after 5 s; the client lets go of them sooner.
const IDLE_SECONDS: u64 = 3;

/// A policy server.
#[derive(Clone, Debug)]
pub struct PolicyServer {
    http: reqwest::Client,
    url: String,
    model: String,
}

/// Asks for `n` responses to a prompt.
#[derive(Clone, Copy, Debug)]
pub struct SampleRequest<'a> {
    /// Token ids of the prompt.
    pub prompt: &'a [u32],
    /// Responses.
    pub n: u32,
    /// Seed of the request; servers add the response's position to it.
    pub seed: Seed,
    /// Most tokens of a response.
    pub max_tokens: usize,
    /// Sampling temperature.
    pub temperature: f64,
}

/// A response as it was sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// Token ids, the end token included.
    pub tokens: Vec<u32>,
    /// Log-probability of each token, nats.
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: FinishReason,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    index: usize,
    token_ids: Option<Vec<u32>>,
    logprobs: Option<Logprobs>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Logprobs {
    token_logprobs: Vec<Option<f32>>,
}

impl PolicyServer {
    /// A client of the server at `url`, which calls its model `model`. Each request must be
    /// answered within `timeout`.
    pub fn new(url: &str, model: &str, timeout: Duration) -> Result<Self, CallError> {
        let http = http::client(timeout, Some(Duration::from_secs(IDLE_SECONDS)))?;
        Ok(Self { http, url: url.trim_end_matches('/').into(), model: model.into() })
    }

    /// The server's base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Samples `request.n` responses, in the order of their positions.
    pub async fn sample(&self, request: SampleRequest<'_>) -> Result<Vec<Sampled>, CallError> {
        let body = json!({
            "model": self.model,
            "prompt": request.prompt,
            "n": request.n,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": 1.0,
            "top_k": -1,
            "min_p": 0.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "repetition_penalty": 1.0,
            "seed": spaced(request.seed),
            "logprobs": 0,
            "return_token_ids": true,
        });
        let url = format!("{}/v1/completions", self.url);
        http::with_retries(|| async {
            let completion: Completion = http::post(&self.http, &url, &body).await?;
            read(completion, request.n).map_err(|problem| CallError::Answer {
                url: url.clone(),
                problem,
                transience: Transience::Transient,
            })
        })
        .await
    }
}

/// A server samples response j with seed + j, as a signed 64-bit number: the low bits stay free.
fn spaced(seed: Seed) -> u64 {
    (seed.0 >> 1) & !0xffff
}

fn read(completion: Completion, n: u32) -> Result<Vec<Sampled>, String> {
    let mut choices = completion.choices;
    choices.sort_by_key(|choice| choice.index);
    if choices.len() != n as usize {
        return Err(format!("it sent {} responses, {n} were asked for", choices.len()));
    }
    choices.into_iter().map(read_choice).collect()
}

fn read_choice(choice: Choice) -> Result<Sampled, String> {
    let index = choice.index;
    let finish = match choice.finish_reason.as_deref() {
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        other => return Err(format!("response {index} ended with {other:?}")),
    };
    let tokens = choice.token_ids.ok_or_else(|| {
        format!("response {index} has no token_ids: the server does not know `return_token_ids`")
    })?;
    let logprobs = choice.logprobs.map(|logprobs| logprobs.token_logprobs).unwrap_or_default();
    let logprobs: Vec<f32> = logprobs.into_iter().flatten().collect();
    if tokens.is_empty() || tokens.len() != logprobs.len() {
        let (ids, numbers) = (tokens.len(), logprobs.len());
        return Err(format!("response {index} has {ids} tokens and {numbers} log-probabilities"));
    }
    if let Some(bad) = logprobs.iter().find(|&&x| !x.is_finite() || x <= INVALID_LOGPROB) {
        return Err(format!("response {index} has the log-probability {bad}"));
    }
    Ok(Sampled { tokens, logprobs, finish })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(change: impl FnOnce(&mut serde_json::Value)) -> Result<Vec<Sampled>, String> {
        let mut choice = json!({
            "index": 0, "token_ids": [5, 6], "finish_reason": "stop",
            "logprobs": {"token_logprobs": [-0.5, -1.5]},
        });
        change(&mut choice);
        read(serde_json::from_value(json!({"choices": [choice]})).unwrap(), 1)
    }

    #[test]
    fn a_sound_response_is_read() {
        let sampled = choice(|_| {}).unwrap().remove(0);
        assert_eq!(sampled.tokens, [5, 6]);
        assert_eq!(sampled.logprobs, [-0.5, -1.5]);
        assert_eq!(sampled.finish, FinishReason::Stop);
        let cut = choice(|c| c["finish_reason"] = json!("length")).unwrap().remove(0);
        assert_eq!(cut.finish, FinishReason::Length);
    }

    #[test]
    fn what_does_not_add_up_is_a_failed_request() {
        type Damage = fn(&mut serde_json::Value);
        let cases: [(Damage, &str); 6] = [
            (|c| c["finish_reason"] = json!("abort"), "response 0 ended with Some(\"abort\")"),
            (|c| c["finish_reason"] = json!(null), "response 0 ended with None"),
            (|c| c["token_ids"] = json!(null), "response 0 has no token_ids"),
            (|c| c["token_ids"] = json!([5]), "response 0 has 1 tokens and 2 log-probabilities"),
            (
                |c| c["logprobs"]["token_logprobs"] = json!([-0.5, -9999.0]),
                "response 0 has the log-probability -9999",
            ),
            (|c| c["logprobs"] = json!(null), "response 0 has 2 tokens and 0 log-probabilities"),
        ];
        for (damage, expected) in cases {
            let error = choice(damage).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let none = read(Completion { choices: vec![] }, 2).unwrap_err();
        assert_eq!(none, "it sent 0 responses, 2 were asked for");
    }

    #[test]
    fn seeds_leave_room_for_a_group() {
        let seed = spaced(Seed(u64::MAX));
        assert!(i64::try_from(seed + 0xffff).is_ok());
        assert_eq!(seed & 0xffff, 0);
    }
}
