//! `SGLang`'s control routes.

use std::path::PathBuf;

use retrial_protocol::VersionKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{CallFailed, Caller};
use super::{Weights, fall_back};

#[derive(Deserialize)]
struct Answer {
    meta_info: Meta,
}

#[derive(Deserialize)]
struct Meta {
    /// Log-probability, id and text of each token; the first has no log-probability.
    input_token_logprobs: Vec<(Option<f64>, u32, Value)>,
}

/// Replaces the weights of a paused server, and lets it go on.
pub async fn push(caller: &Caller, weights: &Weights<'_>) -> Result<(), CallFailed> {
    if weights.kind == VersionKind::Adapter {
        let problem = "adapters are pushed to vLLM and to the embedded server only";
        return Err(CallFailed::refused("loading the adapter", problem.into()));
    }
    // Sequences in flight are computed anew; `in_place` would go on over stale keys and values.
    let paused = caller.post("pause", "/pause_generation", &json!({ "mode": "retract" })).await;
    let replaced = match paused {
        Ok(_) => replace(caller, weights).await,
        // It may have been paused all the same: an answer can be lost.
        Err(error) => Err(error),
    };
    let resumed = caller.post("resume", "/continue_generation", &json!({})).await;
    replaced.and(resumed.map(drop))
}

async fn replace(caller: &Caller, weights: &Weights<'_>) -> Result<(), CallFailed> {
    let label = weights.version.to_string();
    let reload = async |folder: PathBuf| {
        let body = json!({
            "model_path": folder, "weight_version": label, "flush_cache": true,
            "abort_all_requests": false,
        });
        let what = "reloading";
        let answer = caller.post(what, "/update_weights_from_disk", &body).await?;
        if answer["success"] == true {
            Ok(())
        } else {
            Err(CallFailed::refused(what, format!("it answered {answer}")))
        }
    };
    if let Err(error) = reload(weights.folder.to_owned()).await {
        fall_back(weights, reload).await;
        return Err(error);
    }
    let what = "checking its label";
    let found = caller.get(what, "/model_info").await?;
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
        "input_ids": probe,
        "sampling_params": { "max_new_tokens": 0, "temperature": 0.0 },
        "return_logprob": true, "logprob_start_len": 0,
    });
    let answer = caller.post(what, "/generate", &body).await?;
    read(answer, probe).map_err(|problem| CallFailed::refused(what, problem))
}

fn read(answer: Value, probe: &[u32]) -> Result<Vec<f64>, String> {
    let Answer { meta_info } = serde_json::from_value(answer).map_err(|error| error.to_string())?;
    let scored = meta_info.input_token_logprobs;
    if scored.len() != probe.len() {
        return Err(format!("it scored {} tokens of {}", scored.len(), probe.len()));
    }
    let of_token = |(&id, (logprob, scored, _)): (&u32, (Option<f64>, u32, Value))| match logprob {
        Some(logprob) if scored == id => Ok(logprob),
        _ => Err(format!("it did not score token {id}")),
    };
    probe.iter().zip(scored).skip(1).map(of_token).collect()
}
