//! Runs side by side.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use maud::Markup;
use percent_encoding::percent_decode_str;
use retrial_report::{MOST_RUNS, NumberLine, Panel, SideBySide, View};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::{PathParams, QueryParams};
use crate::site::Site;
use crate::view::ViewQuery;
use crate::{csv, pages};

/// The routes.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new()
        .routes(routes!(json))
        .routes(routes!(table))
        .routes(routes!(panel))
        .route("/compare", get(page))
}

/// The runs in a query.
async fn side_by_side_of(site: &Site, query: &str, view: &View) -> Result<SideBySide, ApiError> {
    let mut names = names(query);
    names.dedup();
    if names.is_empty() || names.len() > MOST_RUNS {
        return Err(ApiError::Bad(format!(
            "name one to {MOST_RUNS} runs to compare: /compare?run=A&run=B"
        )));
    }
    let cache = &site.cache;
    site.read(async |mut log| SideBySide::read(&mut log, cache, names, view).await).await
}

fn names(query: &str) -> Vec<String> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("run="));
    let decoded = values
        .map(|value| percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned());
    decoded.filter(|name| !name.is_empty()).collect()
}

async fn page(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    QueryParams(view): QueryParams<ViewQuery>,
) -> Result<Markup, ApiError> {
    let found = side_by_side_of(&site, &query.unwrap_or_default(), &view.view()?).await?;
    Ok(pages::compare::compare(&found, &view))
}

/// Runs side by side
///
/// Settings that differ, numbers, and the same series of each run in one panel.
#[utoipa::path(
    get, path = "/api/compare", tag = "runs",
    params(("run" = Vec<String>, Query, description = "Names of one to six runs", explode), ViewQuery),
    responses((status = 200, body = SideBySide), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn json(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    QueryParams(view): QueryParams<ViewQuery>,
) -> Result<Json<SideBySide>, ApiError> {
    side_by_side_of(&site, &query.unwrap_or_default(), &view.view()?).await.map(Json)
}

/// A panel of runs side by side
///
/// A series for each run.
#[utoipa::path(
    get, path = "/api/compare/panels/{panel}", tag = "runs",
    params(
        ("panel" = String, Path, description = "Name of the panel"),
        ("run" = Vec<String>, Query, description = "Names of one to six runs", explode),
        ViewQuery,
    ),
    responses((status = 200, body = Panel), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn panel(
    State(site): State<Site>,
    PathParams(id): PathParams<String>,
    RawQuery(query): RawQuery,
    QueryParams(view): QueryParams<ViewQuery>,
) -> Result<Json<Panel>, ApiError> {
    let found = side_by_side_of(&site, &query.unwrap_or_default(), &view.view()?).await?;
    let panel = found.panels.into_iter().find(|panel| panel.id == id);
    panel.map(Json).ok_or_else(|| ApiError::not_found(format!("panel `{id}` of these runs")))
}

/// Runs side by side as CSV
///
/// Numbers, then the settings that differ: a column for each run.
#[utoipa::path(
    get, path = "/api/compare.csv", tag = "runs",
    params(("run" = Vec<String>, Query, description = "Names of one to six runs", explode)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn table(State(site): State<Site>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let found = side_by_side_of(&site, &query, &View::default()).await?;
    let mut lines = vec![line("", found.runs.into_iter().map(Some))];
    lines.extend(found.numbers.into_iter().map(|NumberLine { name, values }| {
        line(&name, values.into_iter().map(|value| value.map(|value| value.to_string())))
    }));
    lines.extend(found.settings.into_iter().map(|setting| line(&setting.key, setting.values)));
    csv::table("comparison", &lines)
}

fn line(name: &str, values: impl IntoIterator<Item = Option<String>>) -> Vec<String> {
    let values = values.into_iter().map(Option::unwrap_or_default);
    std::iter::once(name.to_owned()).chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_address() {
        assert_eq!(names("run=a&run=b%2Bc&x=1&run="), ["a", "b+c"]);
    }
}
