//! Rollouts from policy servers.
//!
//! Token ids go in and come out. Every sampling parameter is sent, because a server fills what is
//! missing from the model's own files. A response that was aborted, or whose numbers do not add up,
//! is a failed request and is asked for again; it never becomes a rollout.
//!
//! [`probe()`] finds out what a server speaks, one small adapter each speaks it, and the [`Pool`]
//! shares the work among several.

mod completions;
mod generate;
mod pool;
mod probe;
mod sglang;

use std::fmt::Debug;

use futures::future::BoxFuture;
use retrial_lte::Seed;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::FinishReason;
use crate::http::CallError;

pub use pool::{Limits, NoServer, Pool, ServerHealth, Silence};
pub use probe::{Capabilities, Route, probe};

/// A number that servers report for a log-probability that they do not have.
const INVALID_LOGPROB: f32 = -9999.0;

/// A server that samples.
pub trait PolicyServer: Debug + Send + Sync {
    /// Its base URL.
    fn url(&self) -> &str;

    /// Samples `request.n` responses, in the order of their positions. One attempt.
    fn sample<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Sampled>, CallError>>;
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
    /// Nucleus: the share of probability that is sampled from; 1 while training.
    pub top_p: f64,
    /// The adapter that samples, by its name on the server, in place of the model itself.
    pub adapter: Option<&'a str>,
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
    /// Labels of the weights that sampled it, in order, where the server reports them. More than
    /// one if the weights were replaced on the way.
    pub labels: Vec<String>,
}

/// What the body of a server's answer to a request for `n` responses says, by the route it came by.
pub fn read(route: Route, body: &[u8], n: u32) -> Result<Vec<Sampled>, String> {
    fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }
    match route {
        Route::Completions => completions::read(parsed(body)?, n),
        Route::Generate => generate::read(parsed(body)?, n),
        Route::Sglang => sglang::read(parsed(body)?, n),
    }
}

/// A server samples response j with seed + j, as a signed 64-bit number: the low bits stay free.
fn spaced(seed: Seed) -> u64 {
    (seed.0 >> 1) & !0xffff
}

/// The sampling parameters that all servers have, by the names that all give them, and `own`: those
/// that this server calls its own way.
fn parameters(request: SampleRequest<'_>, own: Value) -> Value {
    let mut all = json!({
        "n": request.n,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": -1,
        "min_p": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
    });
    if let (Some(all), Value::Object(own)) = (all.as_object_mut(), own) {
        all.extend(own);
    }
    all
}

/// A server that was started anew does not know the adapter that was pushed to it: it has lost its
/// weights, which is no fault of the request.
fn lost_adapter(error: CallError, request: &SampleRequest<'_>) -> CallError {
    match error {
        CallError::Status { url, status: 404, body } if request.adapter.is_some() => {
            CallError::unusable(&url, body)
        }
        error => error,
    }
}

/// Checks what a server sent of a response.
fn sampled(
    index: usize,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    finish: Option<&str>,
    labels: Vec<String>,
) -> Result<Sampled, String> {
    let finish = match finish {
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        other => return Err(format!("response {index} ended with {other:?}")),
    };
    if tokens.is_empty() || tokens.len() != logprobs.len() {
        let (ids, numbers) = (tokens.len(), logprobs.len());
        return Err(format!("response {index} has {ids} tokens and {numbers} log-probabilities"));
    }
    if let Some(bad) = logprobs.iter().find(|&&x| !x.is_finite() || x <= INVALID_LOGPROB) {
        return Err(format!("response {index} has the log-probability {bad}"));
    }
    Ok(Sampled { tokens, logprobs, finish, labels })
}

/// Checks the number of responses.
fn expect_count(found: usize, asked: u32) -> Result<(), String> {
    if found == asked as usize {
        return Ok(());
    }
    Err(format!("it sent {found} responses, {asked} were asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_response_is_taken() {
        let taken = sampled(0, vec![5, 6], vec![-0.5, -1.5], Some("length"), vec![]).unwrap();
        assert_eq!((taken.tokens.len(), taken.finish), (2, FinishReason::Length));
    }

    #[test]
    fn what_does_not_add_up_is_a_failed_request() {
        let pair = vec![-0.5, -1.5];
        let cases = [
            (vec![5, 6], pair.clone(), Some("abort"), "response 3 ended with Some(\"abort\")"),
            (vec![5, 6], pair.clone(), None, "response 3 ended with None"),
            (vec![5], pair.clone(), Some("stop"), "response 3 has 1 tokens and 2 log-prob"),
            (vec![], vec![], Some("stop"), "response 3 has 0 tokens and 0 log-prob"),
            (vec![5, 6], vec![-0.5, -9999.0], Some("stop"), "response 3 has the log-probability"),
            (vec![5, 6], vec![f32::NAN, -1.0], Some("stop"), "response 3 has the log-probability"),
        ];
        for (tokens, logprobs, finish, expected) in cases {
            let error = sampled(3, tokens, logprobs, finish, vec![]).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(expect_count(0, 2).unwrap_err(), "it sent 0 responses, 2 were asked for");
    }

    #[test]
    fn seeds_leave_room_for_a_group() {
        let seed = spaced(Seed(u64::MAX));
        assert!(i64::try_from(seed + 0xffff).is_ok());
        assert_eq!(seed & 0xffff, 0);
    }
}
