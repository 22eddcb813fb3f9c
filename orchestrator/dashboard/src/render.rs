//! Renders errors: as JSON for a program, as a page for a person.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, ErrorBody};
use crate::pages;

/// Renders errors of the API as JSON and those of pages as pages.
pub async fn render(request: Request, next: Next) -> Response {
    let program = is_program(request.uri().path());
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<ApiError>().cloned() else { return response };
    let status = error.status();
    if program {
        let body = ErrorBody { error: error.to_string(), hint: error.hint() };
        return (status, Json(body)).into_response();
    }
    (status, pages::failure::failure(&error)).into_response()
}

/// Whether this path is for programs.
fn is_program(path: &str) -> bool {
    path.starts_with("/api/")
        || ["/openapi.json", "/metrics", "/healthz", "/events"].contains(&path)
}
