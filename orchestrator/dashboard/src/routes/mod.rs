//! All routes, and the layers that every request goes through. One file for each kind of
//! thing: it loads it once, for a page, for JSON and for CSV.

mod compare;
mod control;
mod describe;
mod login;
mod mistakes;
mod panels;
mod problems;
mod runs;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{BoxError, Json, Router};
use tower::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::error::ApiError;
use crate::headers::hardened;
use crate::render::render;
use crate::site::Site;
use crate::{access, api, assets, events, prometheus};

/// Limit on the body of a request: a token.
const BODY_BYTES: usize = 4096;
/// Deadline of an answer; events have none.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// The described routes.
fn described() -> OpenApiRouter<Site> {
    api::empty()
        .merge(runs::router())
        .merge(panels::router())
        .merge(compare::router())
        .merge(steps::router())
        .merge(problems::router())
        .merge(mistakes::router())
        .merge(control::router())
}

/// The description of the API.
#[cfg(test)]
pub fn description() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

/// All routes.
pub fn router(site: Site) -> Router {
    let (described, api) = described().split_for_parts();
    let too_slow = HandleErrorLayer::new(async |_: BoxError| ApiError::TooSlow);
    let router = described
        .merge(describe::router(&api))
        .merge(login::router())
        .route("/metrics", get(prometheus::get))
        .route("/healthz", get(async || Json(serde_json::json!({ "status": "ok" }))))
        .route("/assets/{name}", get(assets::get))
        .layer((too_slow, TimeoutLayer::new(ANSWER_TIME)))
        .route("/events", get(events::events))
        .fallback(async || ApiError::not_found("page at this address"))
        .method_not_allowed_fallback(async || {
            ApiError::Refused("this address does not accept such a request".into())
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&site.access), access::guard))
        .layer(from_fn(render))
        .with_state(site);
    hardened(router)
}
