//! `SGLang`: rollouts by `/generate`, and its control routes.

use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;
use retrial_protocol::{ServerKind, VersionKind, WeightVersion};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::capabilities::{Capabilities, Route, optional};
use crate::control::{Control, ControlClient, Failed, Order, Patience, scores};
use crate::error::CallError;
use crate::keyring::Keyring;
use crate::sample::{
    Flaw, PolicyServer, Response, SampleRequest, expect_count, parameters, sampled, spaced,
};

const GENERATE: &str = "/generate";

/// Capabilities of a server, if it is `SGLang`. It accepts any model name, and calls its model by its path
/// after an update.
pub async fn recognise(
    caller: &Caller,
    keyring: &Keyring,
) -> Result<Option<Capabilities>, CallError> {
    let info = optional(|| caller.get::<Value>("/model_info")).await?;
    if info.is_none_or(|info| info["weight_version"].is_null()) {
        return Ok(None);
    }
    let version = optional(|| caller.get::<Value>("/server_info")).await?;
    let version = version.and_then(|info| info["version"].as_str().map(str::to_owned));
    Ok(Some(Capabilities {
        url: caller.url().to_owned(),
        version,
        route: Route::Sglang,
        control: Some(ServerKind::Sglang),
        keyring: keyring.clone(),
    }))
}

/// Client for sampling.
#[derive(Clone, Debug)]
pub struct Sampler(pub Caller);

/// Client for pushes.
pub struct Sglang<'a>(pub ControlClient<'a>);

/// A single response is an object, several are a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    One(Choice),
    Several(Vec<Choice>),
}

#[derive(Deserialize)]
struct Choice {
    output_ids: Vec<u32>,
    meta_info: Meta,
}

#[derive(Deserialize)]
struct Meta {
    finish_reason: Option<Finish>,
    /// Log-probability, id and text of each token.
    output_token_logprobs: Vec<(Option<f32>, u32, Value)>,
    #[serde(default)]
    weight_versions: Option<Vec<Span>>,
}

/// The weights of a part of a response.
#[derive(Deserialize)]
struct Span {
    version: String,
}

#[derive(Deserialize)]
struct Finish {
    #[serde(rename = "type")]
    kind: String,
}

fn body(request: SampleRequest<'_>) -> Value {
    let own = json!({
        "max_new_tokens": request.max_tokens,
        // Only effective with --enable-deterministic-inference.
        "sampling_seed": spaced(request.seed),
    });
    json!({
        "input_ids": request.prompt,
        "sampling_params": parameters(request, own),
        "return_logprob": true,
        "logprob_start_len": -1,
    })
}

impl PolicyServer for Sampler {
    fn url(&self) -> &str {
        self.0.url()
    }

    fn ask<'a>(
        &'a self,
        request: SampleRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<Response>, CallError>> {
        async move {
            let answer: Answer = self.0.post(GENERATE, &body(request)).await?;
            read(answer, request.n)
                .map_err(|flaw| flaw.of_call(&format!("{}{GENERATE}", self.0.url())))
        }
        .boxed()
    }
}

/// Parses the body of an answer of `/generate`.
pub fn read_generate(body: &[u8], n: u32) -> Result<Vec<Response>, Flaw> {
    let answer = serde_json::from_slice(body).map_err(|error| Flaw::Passing(error.to_string()))?;
    read(answer, n)
}

fn read(answer: Answer, n: u32) -> Result<Vec<Response>, Flaw> {
    let choices = match answer {
        Answer::One(choice) => vec![choice],
        Answer::Several(choices) => choices,
    };
    expect_count(choices.len(), n)?;
    Ok(choices.into_iter().enumerate().map(|(index, choice)| read_choice(index, choice)).collect())
}

fn read_choice(index: usize, choice: Choice) -> Response {
    let Choice { output_ids, meta_info } = choice;
    let Meta { finish_reason, output_token_logprobs: scored, weight_versions } = meta_info;
    if !scored.iter().map(|(_, id, _)| id).eq(&output_ids) {
        return Err(format!("response {index} has log-probabilities of other tokens"));
    }
    let logprobs: Vec<_> = scored.into_iter().map(|(logprob, _, _)| logprob).collect();
    let labels = weight_versions.into_iter().flatten().map(|span| span.version).collect();
    let finish = finish_reason.map(|finish| finish.kind);
    sampled(index, output_ids, &logprobs, finish.as_deref(), labels)
}

#[derive(Deserialize)]
struct Scored {
    meta_info: ScoredMeta,
}

#[derive(Deserialize)]
struct ScoredMeta {
    /// Log-probability, id and text of each token; the first has no log-probability.
    input_token_logprobs: Vec<(Option<f64>, u32, Value)>,
}

impl Control for Sglang<'_> {
    /// Sequences in flight are recomputed; `in_place` would continue over stale keys and values.
    fn pause(&self) -> BoxFuture<'_, Result<(), Failed>> {
        self.0.pause("/pause_generation", json!({ "mode": "retract" })).boxed()
    }

    fn resume(&self, patience: Patience) -> BoxFuture<'_, Result<(), Failed>> {
        self.0.resume("/continue_generation", patience).boxed()
    }

    fn replace<'a>(
        &'a self,
        folder: &'a Path,
        version: WeightVersion,
        order: &'a Order<'a>,
    ) -> BoxFuture<'a, Result<Option<&'static str>, Failed>> {
        async move {
            let refused = |what, problem: String| {
                Failed::new(what, CallError::unusable_for_good(self.0.caller.url(), problem))
            };
            if order.kind == VersionKind::Adapter {
                let problem = "adapters are pushed to vLLM and to the embedded server only";
                return Err(refused("loading the adapter", problem.into()));
            }
            let body = json!({
                "model_path": folder, "weight_version": version.to_string(), "flush_cache": true,
                "abort_all_requests": false,
            });
            let what = "reloading";
            let answer = self.0.tell(what, "/update_weights_from_disk", &body).await?;
            if answer["success"] == true {
                Ok(None)
            } else {
                Err(refused(what, format!("it answered {answer}")))
            }
        }
        .boxed()
    }

    fn label(&self) -> BoxFuture<'_, Result<Value, Failed>> {
        self.0.label("/model_info").boxed()
    }

    /// Of all its tensors. Older versions have none; what it cannot say now is not waited for.
    fn checksum(&self) -> BoxFuture<'_, Option<String>> {
        async move {
            let body = json!({ "action": "checksum" });
            let answer: Value = self.0.caller.post("/weights_checker", &body).await.ok()?;
            answer["per_engine_checksum"].as_str().map(str::to_owned)
        }
        .boxed()
    }

    fn score<'a>(
        &'a self,
        _: Option<&'a str>,
        probe: &'a [u32],
    ) -> BoxFuture<'a, Result<Vec<f64>, Failed>> {
        async move {
            let body = json!({
                "input_ids": probe,
                "sampling_params": { "max_new_tokens": 0, "temperature": 0.0 },
                "return_logprob": true, "logprob_start_len": 0,
            });
            self.0.score(GENERATE, &body, |answer| read_scores(answer, probe)).await
        }
        .boxed()
    }
}

/// Log-probabilities of all tokens of the probe but the first, nats.
fn read_scores(answer: Scored, probe: &[u32]) -> Result<Vec<f64>, String> {
    let scored = answer.meta_info.input_token_logprobs;
    scores(probe, scored, |id, (logprob, scored, _)| logprob.filter(|_| scored == id))
}

#[cfg(test)]
mod tests {
    use retrial_protocol::FinishReason;

    use super::*;

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

    fn read_json(answer: Value, n: u32) -> Vec<Response> {
        read(serde_json::from_value(answer).unwrap(), n).unwrap()
    }

    #[test]
    fn one_and_several_responses() {
        let one = read_json(choice("stop"), 1).remove(0).unwrap();
        assert_eq!((one.finish, one.logprobs[1]), (FinishReason::Stop, -8.26));
        assert_eq!(one.labels, ["4"]);
        let two = read_json(json!([choice("length"), choice("stop")]), 2);
        assert_eq!(two[0].as_ref().unwrap().finish, FinishReason::Length);
    }

    #[test]
    fn an_aborted_response_is_a_failed_request() {
        let problem = read_json(choice("abort"), 1).remove(0).unwrap_err();
        assert_eq!(problem, "response 0 ended with `abort`");
    }
}
