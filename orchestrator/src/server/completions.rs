//! `/v1/completions` as vLLM answers it, and the embedded server with it: the `OpenAI` route
//! with token ids in and out.
//!
//! vLLM does not say here which weights sampled. It is asked after each answer: a server that was
//! started anew in between would serve the weights that it was started with, and nobody would know.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    PolicyServer, SampleRequest, Sampled, expect_count, lost_adapter, parameters, sampled, spaced,
};
use crate::http::{self, CallError};

/// A server with this route.
#[derive(Clone, Debug)]
pub struct Completions {
    http: reqwest::Client,
    url: String,
    model: String,
    versions: Versions,
}

/// Whether a server that does not label its answers can be asked for the version that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// By `/weight_info`.
    Asked,
    /// It does not know.
    Unknown,
}

#[derive(Deserialize)]
struct WeightInfo {
    weight_version: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    choices: Vec<Choice>,
    // The embedded server's, and SGLang's in another place: which weights answered.
    weight_version: Option<String>,
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

impl Completions {
    /// A client of the server at `url`, which calls its model `model`.
    pub fn new(http: reqwest::Client, url: &str, model: &str, versions: Versions) -> Self {
        Self { http, url: url.into(), model: model.into(), versions }
    }

    /// The version that the server says it serves.
    async fn version(&self) -> Result<Option<String>, CallError> {
        match self.versions {
            Versions::Asked => {
                let url = format!("{}/weight_info", self.url);
                http::get(&self.http, &url)
                    .await
                    .map(|WeightInfo { weight_version }| weight_version)
            }
            Versions::Unknown => Ok(None),
        }
    }

    fn body(&self, request: SampleRequest<'_>) -> Value {
        let own = json!({
            "model": request.adapter.unwrap_or(&self.model),
            "prompt": request.prompt,
            "max_tokens": request.max_tokens,
            "seed": spaced(request.seed),
            "logprobs": 0,
            "return_token_ids": true,
        });
        parameters(request, own)
    }
}

impl PolicyServer for Completions {
    fn url(&self) -> &str {
        &self.url
    }

    fn sample<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Sampled>, CallError>> {
        async move {
            let url = format!("{}/v1/completions", self.url);
            let mut answer: Answer = http::post(&self.http, &url, &self.body(request))
                .await
                .map_err(|error| lost_adapter(error, &request))?;
            if answer.weight_version.is_none() {
                answer.weight_version = self.version().await?;
            }
            read(answer, request.n).map_err(|problem| CallError::unusable(&url, problem))
        }
        .boxed()
    }
}

pub(super) fn read(answer: Answer, n: u32) -> Result<Vec<Sampled>, String> {
    let Answer { mut choices, weight_version } = answer;
    expect_count(choices.len(), n)?;
    choices.sort_by_key(|choice| choice.index);
    let labels: Vec<String> = weight_version.into_iter().collect();
    choices.into_iter().map(|choice| read_choice(choice, labels.clone())).collect()
}

fn read_choice(choice: Choice, labels: Vec<String>) -> Result<Sampled, String> {
    let Choice { index, token_ids, logprobs, finish_reason } = choice;
    let tokens = token_ids.ok_or_else(|| {
        format!("response {index} has no token_ids: the server does not know `return_token_ids`")
    })?;
    let logprobs = logprobs.map(|logprobs| logprobs.token_logprobs).unwrap_or_default();
    let logprobs = logprobs.into_iter().flatten().collect();
    sampled(index, tokens, logprobs, finish_reason.as_deref(), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(answer: Value, n: u32) -> Result<Vec<Sampled>, String> {
        read(serde_json::from_value(answer).unwrap(), n)
    }

    #[test]
    fn responses_come_in_the_order_of_their_positions() {
        let choice = |index: usize, id: u32| {
            let logprobs = json!({ "token_logprobs": [-0.5] });
            json!({ "index": index, "token_ids": [id], "finish_reason": "stop",
                    "logprobs": logprobs })
        };
        let answer = json!({ "choices": [choice(1, 7), choice(0, 6)], "weight_version": "3" });
        let read = read_json(answer, 2).unwrap();
        assert_eq!((read[0].tokens[0], read[1].tokens[0]), (6, 7));
        assert_eq!(read[0].labels, ["3"]);
    }

    #[test]
    fn a_server_that_sends_no_ids_is_named() {
        let answer = json!({ "choices": [{ "index": 0, "finish_reason": "stop" }] });
        let error = read_json(answer, 1).unwrap_err();
        assert!(error.contains("does not know `return_token_ids`"), "{error}");
        assert!(read_json(json!({ "choices": [] }), 1).is_err());
    }
}
