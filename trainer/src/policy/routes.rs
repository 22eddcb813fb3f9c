//! The public routes: completions, chats, models, health and metrics.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::try_join_all;
use retrial_text::Text;
use serde_json::{Value, json};

use super::command::Completion;
use super::control;
use super::engine::Engine;
use super::error::ApiError;
use super::request::{self, Limits, Request};
use super::response::{self, Writer};
use super::token_texts::TokenTexts;

/// Longest body; a list of a million token ids fits.
const BODY_LIMIT: usize = 32 << 20;

struct Server {
    engine: Engine,
    limits: Limits,
    writer: Writer,
    /// The model's folder, as the command line named it.
    root: String,
    /// Seconds since 1970.
    started: u64,
}

type Shared = State<Arc<Server>>;

/// All routes of the server.
pub fn router(engine: Engine, text: Arc<Text>, root: String, limits: Limits) -> Router {
    let tokens = TokenTexts::new(&text, limits.vocabulary);
    let writer = Writer { model: limits.model.clone(), text, tokens };
    let server =
        Arc::new(Server { engine: engine.clone(), limits, writer, root, started: response::now() });
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(server)
        .merge(control::router(engine))
        .fallback(|| async { detail(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { detail(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

fn detail(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    (status, Json(json!({ "detail": reason }))).into_response()
}

async fn models(State(server): Shared) -> Json<Value> {
    Json(json!({
        "object": "list",
        "data": [{
            "id": server.limits.model,
            "object": "model",
            "created": server.started,
            "owned_by": "retrial",
            "root": server.root,
            "parent": null,
            "max_model_len": server.limits.context,
        }],
    }))
}

async fn completions(
    State(server): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = request::completion(&headers, &body, &server.writer.text, &server.limits)?;
    let done = sample(&server.engine, &request).await?;
    let answer = server.writer.completion(&request_id(&headers), &request, done)?;
    Ok(Json(answer).into_response())
}

async fn chat_completions(
    State(server): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = request::chat(&headers, &body, &server.writer.text, &server.limits)?;
    let done = sample(&server.engine, &request).await?;
    let answer = server.writer.chat(&request_id(&headers), &request, done)?;
    Ok(Json(answer).into_response())
}

async fn sample(engine: &Engine, request: &Request) -> Result<Vec<Completion>, ApiError> {
    Ok(try_join_all(request.jobs.iter().map(|job| engine.generate(job.clone()))).await?)
}

/// The client's id for the request, or a generated one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    given.map_or_else(|| format!("{:016x}", request::arbitrary()), str::to_owned)
}

async fn health(State(server): Shared) -> StatusCode {
    if server.engine.is_gone() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn metrics(State(server): Shared) -> Response {
    let format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (format, server.engine.metrics().render(&server.limits.model)).into_response()
}
