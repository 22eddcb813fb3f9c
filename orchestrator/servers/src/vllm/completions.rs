//! `/v1/completions` of vLLM and of the embedded server: the `OpenAI` route
//! with token ids in and out.
//!
//! vLLM's answer does not say which weights sampled it. The server is queried after each answer: after a
//! restart in between it would serve its initial weights, and nobody would notice.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::CallError;
use crate::sample::{
    Flaw, PolicyServer, Response, SampleRequest, expect_count, lost_adapter, parameters, sampled,
    spaced,
};

const ROUTE: &str = "/v1/completions";

/// A client of a server with this route.
#[derive(Clone, Debug)]
pub struct Completions {
    caller: Caller,
    model: String,
    versions: Versions,
}

/// Whether a server that does not label its answers can be queried for its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// By `/weight_info`.
    Queried,
    /// It cannot.
    Unknown,
}

#[derive(Deserialize)]
struct WeightInfo {
    weight_version: Option<String>,
}

#[derive(Deserialize)]
pub struct Answer {
    choices: Vec<Choice>,
    /// The embedded server's label of the weights.
    weight_version: Option<String>,
    /// `SGLang`'s label of the weights.
    #[serde(default)]
    metadata: Option<WeightInfo>,
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
    /// A client that uses `model` as the model's name.
    pub fn new(caller: Caller, model: &str, versions: Versions) -> Self {
        Self { caller, model: model.into(), versions }
    }

    /// The version that the server reports.
    async fn version(&self) -> Result<Option<String>, CallError> {
        match self.versions {
            Versions::Queried => {
                let WeightInfo { weight_version } = self.caller.get("/weight_info").await?;
                Ok(weight_version)
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
        self.caller.url()
    }

    fn ask<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Response>, CallError>> {
        async move {
            let mut answer: Answer = self
                .caller
                .post(ROUTE, &self.body(request))
                .await
                .map_err(|error| lost_adapter(error, &request))?;
            answer.weight_version =
                answer.weight_version.or(answer.metadata.take().and_then(|of| of.weight_version));
            if answer.weight_version.is_none() {
                answer.weight_version = self.version().await?;
            }
            read(answer, request.n)
                .map_err(|flaw| flaw.of_call(&format!("{}{ROUTE}", self.caller.url())))
        }
        .boxed()
    }
}

pub fn read(answer: Answer, n: u32) -> Result<Vec<Response>, Flaw> {
    let Answer { mut choices, weight_version, .. } = answer;
    expect_count(choices.len(), n)?;
    choices.sort_by_key(|choice| choice.index);
    let labels: Vec<String> = weight_version.into_iter().collect();
    choices.into_iter().map(|choice| read_choice(choice, labels.clone())).collect()
}

fn read_choice(choice: Choice, labels: Vec<String>) -> Result<Response, Flaw> {
    let Choice { index, token_ids, logprobs, finish_reason } = choice;
    let tokens = token_ids.ok_or_else(|| {
        let problem = format!(
            "response {index} has no token_ids: the server does not know `return_token_ids`\n\
             hint: rollouts need vLLM 0.10.2 or later, or SGLang 0.5"
        );
        Flaw::Lasting(problem)
    })?;
    let logprobs = logprobs.map(|logprobs| logprobs.token_logprobs).unwrap_or_default();
    Ok(sampled(index, tokens, &logprobs, finish_reason.as_deref(), labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(answer: Value, n: u32) -> Result<Vec<Response>, Flaw> {
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
        let read: Vec<_> = read_json(answer, 2).unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!((read[0].tokens[0], read[1].tokens[0]), (6, 7));
        assert_eq!(read[0].labels, ["3"]);
    }

    #[test]
    fn a_server_that_sends_no_ids_is_named() {
        let answer = json!({ "choices": [{ "index": 0, "finish_reason": "stop" }] });
        let flaw = read_json(answer, 1).unwrap_err();
        assert!(matches!(&flaw, Flaw::Lasting(_)), "asking again will not help: {flaw:?}");
        assert!(flaw.problem().contains("does not know `return_token_ids`"), "{flaw:?}");
        assert!(read_json(json!({ "choices": [] }), 1).is_err());
    }

    #[test]
    fn one_bad_response_leaves_the_others() {
        let choice = |index: usize, logprob: Option<f32>| {
            json!({ "index": index, "token_ids": [5, 6], "finish_reason": "stop",
                    "logprobs": { "token_logprobs": [-0.5, logprob] } })
        };
        let answer = json!({ "choices": [choice(0, Some(-0.5)), choice(1, None)] });
        let read = read_json(answer, 2).unwrap();
        assert!(read[0].is_ok());
        let problem = read[1].as_ref().unwrap_err();
        assert!(problem.contains("log-probability null for its token 1"), "{problem}");
    }
}
