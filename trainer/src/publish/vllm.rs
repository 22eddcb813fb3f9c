//! vLLM's control routes; the embedded server has the same.

use std::collections::HashMap;
use std::path::PathBuf;

use retrial_protocol::{Transfer, VersionKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{CallFailed, Caller};
use super::{Weights, fall_back, nccl};

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

/// Loads adapters, each in the place of the one before.
const LOAD_ADAPTER: &str = "/v1/load_lora_adapter";
/// The name that requests give them by.
const ADAPTER: &str = "retrial-adapter";

/// Replaces the weights of a paused server, and resumes it. Returns the name that requests give the
/// weights by, if they are an adapter beside the server's model.
pub async fn push(
    caller: &Caller,
    weights: &Weights<'_>,
) -> Result<Option<&'static str>, CallFailed> {
    // Sequences in flight stay; their keys and values are computed anew.
    let paused = caller.post("pause", "/pause?mode=keep&clear_cache=true", &json!({})).await;
    let replaced = match paused {
        Ok(_) => replace(caller, weights).await,
        // It may have been paused all the same: an answer can be lost.
        Err(error) => Err(error),
    };
    let resumed = caller.post("resume", "/resume", &json!({})).await;
    let adapter = replaced?;
    resumed.map(|_| adapter)
}

async fn replace(
    caller: &Caller,
    weights: &Weights<'_>,
) -> Result<Option<&'static str>, CallFailed> {
    // The embedded server has no such route: it takes an adapter as it takes weights, and adds it
    // to the model that it was started with.
    let beside = weights.kind == VersionKind::Adapter
        && caller.has("asking for its adapters", LOAD_ADAPTER).await?;
    let reload = async |folder: PathBuf| {
        if weights.transfer == Transfer::Nccl && weights.kind == VersionKind::Model {
            return nccl::send(caller, weights.channels, &folder).await;
        }
        let load = if beside {
            let body = json!({ "lora_name": ADAPTER, "lora_path": folder, "load_inplace": true });
            caller.post("loading the adapter", LOAD_ADAPTER, &body).await
        } else {
            let body = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
            caller.post("reloading", "/collective_rpc", &body).await
        };
        load.map(drop)
    };
    if let Err(mut error) = reload(weights.folder.to_owned()).await {
        fall_back(weights, reload).await;
        if weights.kind == VersionKind::Adapter && !beside {
            error.problem += "\nhint: it takes no adapters; start vLLM with --enable-lora and \
                              VLLM_ALLOW_RUNTIME_LORA_UPDATING=1";
        }
        return Err(error);
    }
    // A reload does not do this.
    caller.post("clearing its cache", "/reset_prefix_cache", &json!({})).await?;
    let label = weights.version.to_string();
    let body = json!({ "new_version": label });
    caller.post("labelling", "/update_weight_version", &body).await?;
    let what = "checking its label";
    let found = caller.get(what, "/weight_info").await?;
    if found["weight_version"] == label {
        Ok(beside.then_some(ADAPTER))
    } else {
        let problem = format!("it says it serves {}", found["weight_version"]);
        Err(CallFailed::refused(what, problem))
    }
}

/// Log-probabilities of all tokens of the probe but the first, nats.
pub async fn score(
    caller: &Caller,
    adapter: Option<&str>,
    probe: &[u32],
) -> Result<Vec<f64>, CallFailed> {
    let what = "scoring the probe";
    let mut body = json!({
        "prompt": probe, "max_tokens": 1, "temperature": 0.0, "seed": 0, "prompt_logprobs": 0,
    });
    if let Some(adapter) = adapter {
        body["model"] = json!(adapter);
    }
    let answer = caller.post(what, "/v1/completions", &body).await?;
    read(answer, probe).map_err(|problem| CallFailed::refused(what, problem))
}

fn read(answer: Value, probe: &[u32]) -> Result<Vec<f64>, String> {
    let Completion { mut choices } =
        serde_json::from_value(answer).map_err(|error| error.to_string())?;
    let choice = choices.pop().ok_or("it sent no response")?;
    let logprobs = choice.prompt_logprobs.ok_or("it sent no prompt_logprobs")?;
    if logprobs.len() != probe.len() {
        return Err(format!("it scored {} tokens of {}", logprobs.len(), probe.len()));
    }
    let of_token = |(id, entry): (&u32, Option<HashMap<String, TokenLogprob>>)| {
        let entry = entry.as_ref().and_then(|entry| entry.get(&id.to_string()));
        entry.map(|token| token.logprob).ok_or_else(|| format!("it did not score token {id}"))
    };
    probe.iter().zip(logprobs).skip(1).map(of_token).collect()
}
