//! vLLM's control routes, which the embedded server has too.

use std::collections::HashMap;
use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;
use retrial_protocol::{Transfer, VersionKind, WeightVersion};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::{Control, ControlClient, Failed, Order, Patience, scores};

/// Loads adapters, each in place of the previous one.
const LOAD_ADAPTER: &str = "/v1/load_lora_adapter";
/// Their name in requests.
const ADAPTER: &str = "retrial-adapter";

/// A client of a server with these routes.
pub struct Vllm<'a>(pub ControlClient<'a>);

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    prompt_logprobs: Option<Vec<Option<HashMap<String, TokenLogprob>>>>,
}

#[derive(Deserialize)]
struct TokenLogprob {
    logprob: f64,
}

impl Vllm<'_> {
    /// The embedded server has no such route: it loads an adapter like weights, and adds it to
    /// the model that it was started with.
    async fn takes_adapters(&self, order: &Order<'_>) -> Result<bool, Failed> {
        Ok(order.kind == VersionKind::Adapter
            && self.0.has("asking for its adapters", LOAD_ADAPTER).await?)
    }

    async fn load(&self, folder: &Path, order: &Order<'_>, beside: bool) -> Result<(), Failed> {
        if order.transfer == Transfer::Nccl && order.kind == VersionKind::Model {
            return order.channel.send(self.0.caller, folder).await;
        }
        let loaded = if beside {
            let body = json!({ "lora_name": ADAPTER, "lora_path": folder, "load_inplace": true });
            self.0.tell("loading the adapter", LOAD_ADAPTER, &body).await
        } else {
            let body = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
            self.0.tell("reloading", "/collective_rpc", &body).await
        };
        loaded.map(drop)
    }
}

impl Control for Vllm<'_> {
    /// Sequences in flight stay; their keys and values are recomputed.
    fn pause(&self) -> BoxFuture<'_, Result<(), Failed>> {
        self.0.pause("/pause?mode=keep&clear_cache=true", json!({})).boxed()
    }

    fn resume(&self, patience: Patience) -> BoxFuture<'_, Result<(), Failed>> {
        self.0.resume("/resume", patience).boxed()
    }

    fn replace<'a>(
        &'a self,
        folder: &'a Path,
        version: WeightVersion,
        order: &'a Order<'a>,
    ) -> BoxFuture<'a, Result<Option<&'static str>, Failed>> {
        async move {
            let beside = self.takes_adapters(order).await?;
            if let Err(mut failed) = self.load(folder, order, beside).await {
                if order.kind == VersionKind::Adapter && !beside {
                    failed.hint = "\nhint: it does not accept adapters; start vLLM with --enable-lora and \
                                   VLLM_ALLOW_RUNTIME_LORA_UPDATING=1";
                }
                return Err(failed);
            }
            // A reload does not clear it.
            self.0.tell("clearing its cache", "/reset_prefix_cache", &json!({})).await?;
            let body = json!({ "new_version": version.to_string() });
            self.0.tell("labelling", "/update_weight_version", &body).await?;
            Ok(beside.then_some(ADAPTER))
        }
        .boxed()
    }

    fn label(&self) -> BoxFuture<'_, Result<Value, Failed>> {
        self.0.label("/weight_info").boxed()
    }

    fn score<'a>(
        &'a self,
        adapter: Option<&'a str>,
        probe: &'a [u32],
    ) -> BoxFuture<'a, Result<Vec<f64>, Failed>> {
        async move {
            let mut body = json!({
                "prompt": probe, "max_tokens": 1, "temperature": 0.0, "seed": 0,
                "prompt_logprobs": 0,
            });
            if let Some(adapter) = adapter {
                body["model"] = json!(adapter);
            }
            self.0.score("/v1/completions", &body, |answer| read(answer, probe)).await
        }
        .boxed()
    }
}

/// Log-probabilities of all tokens of the probe but the first, nats.
fn read(answer: Completion, probe: &[u32]) -> Result<Vec<f64>, String> {
    let Completion { mut choices } = answer;
    let choice = choices.pop().ok_or("it sent no response")?;
    let logprobs = choice.prompt_logprobs.ok_or("it sent no prompt_logprobs")?;
    scores(probe, logprobs, |id, entry| entry?.get(&id.to_string()).map(|token| token.logprob))
}
