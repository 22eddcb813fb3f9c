//! The description of the API: for programs, and as a page of forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::error::ApiError;
use crate::extract::QueryParams;
use crate::site::Site;
use crate::{link, pages};

/// The routes.
pub fn router(api: &OpenApi) -> Router<Site> {
    let api = Arc::new(serde_json::to_value(api).expect("a description is plain data"));
    let (page, whole) = (pages::api::api(&api), Arc::clone(&api));
    Router::new()
        .route("/api", get(async || page))
        .route("/openapi.json", get(async move || Json(Value::clone(&whole))))
        .route("/api/go", get(async move |fields| go(&api, fields)))
}

/// Redirects to a URL of the API from a form's fields: for browsers without JavaScript.
fn go(
    api: &Value,
    QueryParams(mut fields): QueryParams<BTreeMap<String, String>>,
) -> Result<Redirect, ApiError> {
    let mut path = fields.remove("path").unwrap_or_default();
    if api["paths"].get(&path).is_none() {
        return Err(ApiError::not_found(format!("address `{path}` in the API")));
    }
    let mut rest = Vec::new();
    for (name, value) in &fields {
        let place = format!("{{{name}}}");
        if path.contains(&place) {
            path = path.replace(&place, &link::part(value).to_string());
        } else {
            rest.push((name.as_str(), value.as_str()));
        }
    }
    Ok(Redirect::to(&link::with(&path, &rest)))
}
