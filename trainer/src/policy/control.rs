//! The routes that pause sampling, replace the weights and label them: vLLM's, with its bodies.
//!
//! Two things are stricter than in vLLM. A reload is all or nothing: a folder that lacks a tensor
//! is refused, and the old weights stay. And no token is ever sampled over keys and values of
//! other weights: those of sequences in flight during a reload, paused or not, are recomputed,
//! whatever `clear_cache` says.

use std::path::PathBuf;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body;
use super::command::PauseMode;
use super::engine::Engine;
use super::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

/// The control routes.
pub fn router(engine: Engine) -> Router {
    Router::new()
        .route("/pause", post(pause))
        .route("/resume", post(resume))
        .route("/is_paused", get(is_paused))
        .route("/collective_rpc", post(collective_rpc))
        .route("/reset_prefix_cache", post(reset_prefix_cache))
        .route("/update_weight_version", post(update_weight_version))
        .route("/weight_info", get(weight_info))
        .with_state(engine)
}

/// Query of `/pause`.
#[derive(Deserialize)]
struct Pause {
    #[serde(default)]
    mode: Mode,
    clear_cache: Option<bool>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Abort,
    Wait,
    Keep,
}

async fn pause(
    State(engine): State<Engine>,
    query: Result<Query<Pause>, QueryRejection>,
) -> Answer {
    let Query(Pause { mode, clear_cache }) =
        query.map_err(|error| ApiError::malformed(Some("query"), &error.body_text()))?;
    let mode = match mode {
        Mode::Abort => PauseMode::Abort,
        Mode::Wait => PauseMode::Wait,
        Mode::Keep => PauseMode::Keep,
    };
    engine.pause(mode, clear_cache.unwrap_or(true)).await?;
    Ok(Json(json!({ "status": "paused" })))
}

async fn resume(State(engine): State<Engine>) -> Answer {
    engine.resume().await?;
    Ok(Json(json!({ "status": "resumed" })))
}

async fn is_paused(State(engine): State<Engine>) -> Answer {
    Ok(Json(json!({ "is_paused": engine.is_paused().await? })))
}

/// `reload_weights` is the only method.
async fn collective_rpc(State(engine): State<Engine>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let fields = body::object(&headers, &bytes)?;
    let Some(method) = fields.get("method").and_then(Value::as_str) else {
        return Err(ApiError::malformed(None, "Missing 'method' in request body"));
    };
    let failed = |problem: &str| {
        ApiError::internal(format!(
            "Call to collective_rpc method failed: Worker failed with error '{problem}', please \
             check the stack trace above for the root cause"
        ))
    };
    if method != "reload_weights" {
        return Err(failed(&format!("'Worker' object has no attribute '{method}'")));
    }
    // As in vLLM, a call without a path reads the last path again.
    let path = match fields.get("kwargs").and_then(|kwargs| kwargs.get("weights_path")) {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(PathBuf::from(path)),
        Some(_) => {
            let place = Some("body.kwargs.weights_path");
            return Err(ApiError::malformed(place, "Input should be a valid string"));
        }
    };
    engine.reload(path).await?.map_err(|problem| failed(&problem))?;
    Ok(Json(json!({ "results": [null] })))
}

/// There is no prefix cache to reset: no response uses the keys and values of another.
async fn reset_prefix_cache() -> Json<Value> {
    Json(json!({ "success": true }))
}

async fn update_weight_version(
    State(engine): State<Engine>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let fields = body::object(&headers, &bytes)?;
    let Some(version) = fields.get("new_version").and_then(Value::as_str) else {
        let place = Some("body.new_version");
        return Err(ApiError::malformed(place, "Input should be a valid string"));
    };
    engine.set_version(version).await?;
    Ok(Json(json!({ "success": true, "new_version": version })))
}

async fn weight_info(State(engine): State<Engine>) -> Answer {
    Ok(Json(json!({ "weight_version": &*engine.version().await? })))
}
