//! Requests for responses, and checks of the answers.
//!
//! A response that was aborted, or whose numbers are inconsistent, never becomes a rollout.

use std::fmt::Debug;

use futures::FutureExt;
use futures::future::BoxFuture;
use retrial_lte::Seed;
use retrial_protocol::FinishReason;
use serde_json::{Value, json};

use crate::error::{CallError, Trouble};

/// A placeholder that servers report for a missing log-probability.
pub const INVALID_LOGPROB: f32 = -9999.0;

/// A client for sampling from a server.
pub trait PolicyServer: Debug + Send + Sync {
    /// Its base URL.
    fn url(&self) -> &str;

    /// Requests `request.n` responses, in the order of their positions. One attempt.
    fn ask<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Response>, CallError>>;

    /// One attempt that fails unless every response is usable.
    fn sample<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Sampled>, CallError>> {
        async move {
            let responses = self.ask(request).await?;
            let sound: Result<Vec<_>, _> = responses.into_iter().collect();
            sound.map_err(|problem| CallError::unusable(self.url(), problem))
        }
        .boxed()
    }
}

/// A request for `n` responses to a prompt.
#[derive(Clone, Copy, Debug)]
pub struct SampleRequest<'a> {
    /// Token ids of the prompt.
    pub prompt: &'a [u32],
    /// Responses.
    pub n: u32,
    /// Seed of the request; servers add the response's position to it.
    pub seed: Seed,
    /// Limit on the tokens of a response.
    pub max_tokens: usize,
    /// Sampling temperature.
    pub temperature: f64,
    /// Nucleus sampling (top-p); 1 while training.
    pub top_p: f64,
    /// Stop strings, in addition to the model's end tokens.
    pub stop: &'a [String],
    /// The name of the adapter to sample from on the server, in place of the model itself.
    pub adapter: Option<&'a str>,
}

/// A sampled response.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// Token ids, the end token included.
    pub tokens: Vec<u32>,
    /// Log-probability of each token, nats.
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Labels of the weights that sampled it, in order, if the server reports them. More than
    /// one if the weights were replaced meanwhile.
    pub labels: Vec<String>,
}

/// A response, or its problem.
pub type Response = Result<Sampled, String>;

/// A problem of an answer as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The next one may be right.
    Passing(String),
    /// The server lacks a needed feature: every answer will be like this one.
    Lasting(String),
}

impl Flaw {
    /// The error of a call with this answer.
    pub fn of_call(self, url: &str) -> CallError {
        match self {
            Self::Passing(problem) => CallError::unusable(url, problem),
            Self::Lasting(problem) => CallError::unusable_for_good(url, problem),
        }
    }

    /// The problem.
    pub fn problem(&self) -> &str {
        match self {
            Self::Passing(problem) | Self::Lasting(problem) => problem,
        }
    }
}

/// A server samples response j with seed + j, as a signed 64-bit number: the low bits must not overflow.
pub fn spaced(seed: Seed) -> u64 {
    (seed.0 >> 1) & !0xffff
}

/// The sampling parameters that all servers share, and `own`: those
/// with a name of this server's.
pub fn parameters(request: SampleRequest<'_>, own: Value) -> Value {
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
        if !request.stop.is_empty() {
            all.insert("stop".into(), request.stop.into());
        }
    }
    all
}

/// A restarted server does not know the adapter that was pushed to it: it has lost its
/// weights, and waiting does not restore them.
pub fn lost_adapter(error: CallError, request: &SampleRequest<'_>) -> CallError {
    match error {
        CallError::Status { url, status: 404, body, .. } if request.adapter.is_some() => {
            CallError::Answer { url, problem: body, trouble: Trouble::Wrong }
        }
        error => error,
    }
}

/// Checks the parts of a response.
pub fn sampled(
    index: usize,
    tokens: Vec<u32>,
    logprobs: &[Option<f32>],
    finish: Option<&str>,
    labels: Vec<String>,
) -> Response {
    let finish = match finish {
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some(other) => return Err(format!("response {index} ended with `{other}`")),
        None => return Err(format!("response {index} is not finished")),
    };
    if tokens.is_empty() || tokens.len() != logprobs.len() {
        let (ids, numbers) = (tokens.len(), logprobs.len());
        return Err(format!("response {index} has {ids} tokens and {numbers} log-probabilities"));
    }
    let present: Vec<f32> = logprobs.iter().copied().flatten().collect();
    if let Some(position) = logprobs.iter().position(Option::is_none) {
        return Err(format!(
            "response {index} has the log-probability null for its token {position}: the server \
             has computed no number, or infinity"
        ));
    }
    if let Some(bad) = present.iter().find(|&&x| !x.is_finite() || x <= INVALID_LOGPROB) {
        return Err(format!("response {index} has the log-probability {bad}"));
    }
    Ok(Sampled { tokens, logprobs: present, finish, labels })
}

/// Checks the number of responses.
pub fn expect_count(found: usize, asked: u32) -> Result<(), Flaw> {
    if found == asked as usize {
        return Ok(());
    }
    Err(Flaw::Passing(format!("it sent {found} responses, {asked} were requested")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_response_is_taken() {
        let logprobs = vec![Some(-0.5), Some(-1.5)];
        let taken = sampled(0, vec![5, 6], &logprobs, Some("length"), vec![]).unwrap();
        assert_eq!((taken.tokens.len(), taken.finish), (2, FinishReason::Length));
    }

    #[test]
    fn what_does_not_add_up_is_a_failed_request() {
        let pair = vec![Some(-0.5), Some(-1.5)];
        let with = |logprob| vec![Some(-0.5), logprob];
        let cases = [
            (vec![5, 6], pair.clone(), Some("abort"), "response 3 ended with `abort`"),
            (vec![5, 6], pair.clone(), Some("repetition"), "response 3 ended with `repetition`"),
            (vec![5, 6], pair.clone(), None, "response 3 is not finished"),
            (vec![5], pair.clone(), Some("stop"), "response 3 has 1 tokens and 2 log-prob"),
            (vec![], vec![], Some("stop"), "response 3 has 0 tokens and 0 log-prob"),
            (vec![5, 6], with(None), Some("stop"), "response 3 has the log-probability null for"),
            (
                vec![5, 6],
                with(Some(-9999.0)),
                Some("stop"),
                "response 3 has the log-probability -9",
            ),
            (
                vec![5, 6],
                with(Some(f32::NAN)),
                Some("stop"),
                "response 3 has the log-probability N",
            ),
        ];
        for (tokens, logprobs, finish, expected) in cases {
            let error = sampled(3, tokens, &logprobs, finish, vec![]).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let missing = expect_count(0, 2).unwrap_err();
        assert_eq!(missing.problem(), "it sent 0 responses, 2 were requested");
    }

    #[test]
    fn seeds_leave_room_for_a_group() {
        let seed = spaced(Seed(u64::MAX));
        assert!(i64::try_from(seed + 0xffff).is_ok());
        assert_eq!(seed & 0xffff, 0);
    }
}
