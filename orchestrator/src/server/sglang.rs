//! `/generate` of `SGLang`.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::generate::Span;
use super::{PolicyServer, SampleRequest, Sampled, expect_count, parameters, sampled, spaced};
use crate::http::{self, CallError};

/// A server with this route.
#[derive(Clone, Debug)]
pub struct Sglang {
    http: reqwest::Client,
    url: String,
}

/// One response comes alone, several as a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Answer {
    One(Choice),
    Several(Vec<Choice>),
}

#[derive(Deserialize)]
pub(super) struct Choice {
    output_ids: Vec<u32>,
    meta_info: Meta,
}

#[derive(Deserialize)]
struct Meta {
    finish_reason: Option<Finish>,
    /// Log-probability, id and text of each token.
    output_token_logprobs: Vec<(f32, u32, Value)>,
    #[serde(default)]
    weight_versions: Option<Vec<Span>>,
}

#[derive(Deserialize)]
struct Finish {
    #[serde(rename = "type")]
    kind: String,
}

impl Sglang {
    /// A client of the server at `url`.
    pub fn new(http: reqwest::Client, url: &str) -> Self {
        Self { http, url: url.into() }
    }
}

fn body(request: SampleRequest<'_>) -> Value {
    let own = json!({
        "max_new_tokens": request.max_tokens,
        // Heeded only with --enable-deterministic-inference.
        "sampling_seed": spaced(request.seed),
    });
    json!({
        "input_ids": request.prompt,
        "sampling_params": parameters(request, own),
        "return_logprob": true,
        "logprob_start_len": -1,
    })
}

impl PolicyServer for Sglang {
    fn url(&self) -> &str {
        &self.url
    }

    fn sample<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Sampled>, CallError>> {
        async move {
            let url = format!("{}/generate", self.url);
            let answer: Answer = http::post(&self.http, &url, &body(request)).await?;
            read(answer, request.n).map_err(|problem| CallError::unusable(&url, problem))
        }
        .boxed()
    }
}

pub(super) fn read(answer: Answer, n: u32) -> Result<Vec<Sampled>, String> {
    let choices = match answer {
        Answer::One(choice) => vec![choice],
        Answer::Several(choices) => choices,
    };
    expect_count(choices.len(), n)?;
    choices.into_iter().enumerate().map(|(index, choice)| read_choice(index, choice)).collect()
}

fn read_choice(index: usize, choice: Choice) -> Result<Sampled, String> {
    let Choice { output_ids, meta_info } = choice;
    let Meta { finish_reason, output_token_logprobs: scored, weight_versions } = meta_info;
    if !scored.iter().map(|(_, id, _)| id).eq(&output_ids) {
        return Err(format!("response {index} has log-probabilities of other tokens"));
    }
    let logprobs = scored.into_iter().map(|(logprob, _, _)| logprob).collect();
    let labels = weight_versions.into_iter().flatten().map(|span| span.version).collect();
    let finish = finish_reason.map(|finish| finish.kind);
    sampled(index, output_ids, logprobs, finish.as_deref(), labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FinishReason;

    fn choice(finish: &str) -> Value {
        json!({
            "text": "?", "output_ids": [444, 264],
            "meta_info": {
                "finish_reason": { "type": finish, "length": 2 },
                "output_token_logprobs": [[-2.65, 444, null], [-8.26, 264, null]],
                "weight_versions": [{ "version": "4", "start": 0, "end": 2 }],
            },
        })
    }

    fn read_json(answer: Value, n: u32) -> Result<Vec<Sampled>, String> {
        read(serde_json::from_value(answer).unwrap(), n)
    }

    #[test]
    fn one_and_several_responses() {
        let one = read_json(choice("stop"), 1).unwrap().remove(0);
        assert_eq!((one.finish, one.logprobs[1]), (FinishReason::Stop, -8.26));
        assert_eq!(one.labels, ["4"]);
        let two = read_json(json!([choice("length"), choice("stop")]), 2).unwrap();
        assert_eq!(two[0].finish, FinishReason::Length);
    }

    #[test]
    fn an_aborted_response_is_a_failed_request() {
        let error = read_json(choice("abort"), 1).unwrap_err();
        assert_eq!(error, "response 0 ended with Some(\"abort\")");
    }
}
