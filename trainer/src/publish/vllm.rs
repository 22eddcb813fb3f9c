//! vLLM's control routes; the embedded server has the same.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{CallFailed, Caller};
use super::{Weights, fall_back};

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

/// Replaces the weights of a paused server, and resumes it.
pub async fn push(caller: &Caller, weights: &Weights<'_>) -> Result<(), CallFailed> {
    // Sequences in flight stay; their keys and values are computed anew.
    let paused = caller.post("pause", "/pause?mode=keep&clear_cache=true", &json!({})).await;
    let replaced = match paused {
        Ok(_) => replace(caller, weights).await,
        // It may have been paused all the same: an answer can be lost.
        Err(error) => Err(error),
    };
    let resumed = caller.post("resume", "/resume", &json!({})).await;
    replaced.and(resumed.map(drop))
}

async fn replace(caller: &Caller, weights: &Weights<'_>) -> Result<(), CallFailed> {
    let reload = async |folder: PathBuf| {
        let body = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
        caller.post("reloading", "/collective_rpc", &body).await.map(drop)
    };
    if let Err(error) = reload(weights.folder.to_owned()).await {
        fall_back(weights, reload).await;
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
        Ok(())
    } else {
        let problem = format!("it says it serves {}", found["weight_version"]);
        Err(CallFailed::refused(what, problem))
    }
}

/// Log-probabilities of all tokens of the probe but the first, nats.
pub async fn score(caller: &Caller, probe: &[u32]) -> Result<Vec<f64>, CallFailed> {
    let what = "scoring the probe";
    let body = json!({
        "prompt": probe, "max_tokens": 1, "temperature": 0.0, "seed": 0, "prompt_logprobs": 0,
    });
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
