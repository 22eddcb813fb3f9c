//! Errors in vLLM's format.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::command::{EngineGone, GenerateError};

/// A request that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    status: StatusCode,
    /// vLLM's name for the kind of error.
    kind: &'static str,
    message: String,
    /// The field with the error.
    param: Option<String>,
}

impl ApiError {
    /// The request asks for something impossible.
    pub fn bad_request(message: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { status, kind: "BadRequestError", message: message.into(), param: None }
    }

    /// A field has an invalid value. vLLM appends both to the message.
    pub fn parameter(message: &str, name: &str, value: impl std::fmt::Display) -> Self {
        let message = format!("{message} (parameter={name}, value={value})");
        Self { param: Some(name.into()), ..Self::bad_request(message) }
    }

    /// A field is missing.
    pub fn missing(name: &str, message: &str) -> Self {
        let message = format!("{message} (parameter={name})");
        Self { param: Some(name.into()), ..Self::bad_request(message) }
    }

    /// The body or the query has the wrong form. `place` is the path of the error.
    pub fn malformed(place: Option<&str>, problem: &str) -> Self {
        let message = match place {
            Some(place) => {
                format!("1 validation error:\n  {{'loc': '{place}', 'msg': '{problem}'}}")
            }
            None => format!("1 validation error:\n  {problem}"),
        };
        let param = place.map(str::to_owned);
        Self { status: StatusCode::BAD_REQUEST, kind: "Bad Request", message, param }
    }

    /// There is no such model.
    pub fn unknown_model(name: &str, served: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            kind: "NotFoundError",
            message: format!("The model `{name}` does not exist. Valid aliases: {served}."),
            param: Some("model".into()),
        }
    }

    /// The server failed.
    pub fn internal(message: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, kind: "InternalServerError", message: message.into(), param: None }
    }
}

impl From<EngineGone> for ApiError {
    fn from(error: EngineGone) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<GenerateError> for ApiError {
    fn from(error: GenerateError) -> Self {
        Self::internal(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, kind, message, param } = self;
        tracing::debug!(status = status.as_u16(), message, "refused a request");
        let error =
            json!({ "message": message, "type": kind, "param": param, "code": status.as_u16() });
        (status, Json(json!({ "error": error }))).into_response()
    }
}
