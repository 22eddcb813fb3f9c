//! `/inference/v1/generate` of vLLM (started with `--enable-scale-out`): token ids in and out, and
//! the version of the weights for each part of a response.

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

pub const ROUTE: &str = "/inference/v1/generate";

/// A client of a server with this route.
#[derive(Clone, Debug)]
pub struct Generate {
    caller: Caller,
    model: String,
}

#[derive(Deserialize)]
pub struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    index: usize,
    token_ids: Vec<u32>,
    logprobs: Option<Logprobs>,
    finish_reason: Option<String>,
    #[serde(default)]
    weight_versions: Option<Vec<Span>>,
}

#[derive(Deserialize)]
struct Logprobs {
    content: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    token_id: u32,
    logprob: Option<f32>,
}

/// The weights of a part of a response.
#[derive(Deserialize)]
struct Span {
    version: String,
}

impl Generate {
    /// A client that uses `model` as the model's name.
    pub fn new(caller: Caller, model: &str) -> Self {
        Self { caller, model: model.into() }
    }

    fn body(&self, request: SampleRequest<'_>) -> Value {
        let own = json!({
            "max_tokens": request.max_tokens, "seed": spaced(request.seed), "logprobs": 0,
        });
        json!({
            "model": request.adapter.unwrap_or(&self.model),
            "token_ids": request.prompt,
            "sampling_params": parameters(request, own),
        })
    }
}

impl PolicyServer for Generate {
    fn url(&self) -> &str {
        self.caller.url()
    }

    fn ask<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Response>, CallError>> {
        async move {
            let answer: Answer = self
                .caller
                .post(ROUTE, &self.body(request))
                .await
                .map_err(|error| lost_adapter(error, &request))?;
            read(answer, request.n)
                .map_err(|flaw| flaw.of_call(&format!("{}{ROUTE}", self.caller.url())))
        }
        .boxed()
    }
}

pub fn read(answer: Answer, n: u32) -> Result<Vec<Response>, Flaw> {
    let mut choices = answer.choices;
    expect_count(choices.len(), n)?;
    choices.sort_by_key(|choice| choice.index);
    Ok(choices.into_iter().map(read_choice).collect())
}

fn read_choice(choice: Choice) -> Response {
    let Choice { index, token_ids, logprobs, finish_reason, weight_versions } = choice;
    let scored = logprobs.map(|logprobs| logprobs.content).unwrap_or_default();
    if !scored.iter().map(|token| &token.token_id).eq(&token_ids) {
        return Err(format!("response {index} has log-probabilities of other tokens"));
    }
    let logprobs: Vec<_> = scored.into_iter().map(|token| token.logprob).collect();
    let labels = weight_versions.into_iter().flatten().map(|span| span.version).collect();
    sampled(index, token_ids, &logprobs, finish_reason.as_deref(), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(id_of_logprob: u32) -> Value {
        json!({
            "index": 0, "token_ids": [5, 6], "finish_reason": "length",
            "weight_versions": [{ "version": "1", "start": 0, "end": 1 },
                                { "version": "2", "start": 1, "end": 2 }],
            "logprobs": { "content": [{ "token_id": 5, "logprob": -0.5 },
                                      { "token_id": id_of_logprob, "logprob": -1.5 }] },
        })
    }

    fn read_one(choice: &Value) -> Response {
        let answer = serde_json::from_value(json!({ "choices": [choice] })).unwrap();
        read(answer, 1).unwrap().remove(0)
    }

    #[test]
    fn a_response_across_a_push_has_both_labels() {
        let response = read_one(&choice(6)).unwrap();
        assert_eq!(response.labels, ["1", "2"]);
        assert_eq!(response.logprobs, [-0.5, -1.5]);
    }

    #[test]
    fn log_probabilities_belong_to_their_tokens() {
        assert!(read_one(&choice(7)).unwrap_err().contains("of other tokens"));
        let mut null = choice(6);
        null["logprobs"]["content"][0]["logprob"] = Value::Null;
        assert!(read_one(&null).unwrap_err().contains("null for its token 0"));
    }
}
