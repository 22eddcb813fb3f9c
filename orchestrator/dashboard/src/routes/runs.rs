//! Runs: the list, the overview.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};
use axum::routing::get;
use maud::Markup;
use retrial_store::{LogSize, RunLine, View};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::{PathParams, QueryParams};
use crate::look::Look;
use crate::overview::Overview;
use crate::pages::control::Person;
use crate::run_entry::RunEntry;
use crate::site::Site;
use crate::status::RunStatus;
use crate::view::ViewQuery;
use crate::{csv, link, pages};

/// The routes.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_csv))
        .routes(routes!(size))
        .routes(routes!(overview))
        .routes(routes!(status))
        .routes(routes!(attention))
        .route("/", get(home))
        .route("/runs", get(list_page))
        .route("/runs/{run}", get(overview_page))
}

async fn list_of(site: &Site) -> Result<Vec<RunEntry>, ApiError> {
    let snapshot = site.snapshot();
    let read = async |mut view: View<'_>| Ok((view.runs().await?, view.last_processes().await?));
    let (runs, processes) = site.read(read).await?;
    let entry = |line: RunLine| {
        let process = processes.iter().find(|process| process.run == line.name);
        RunEntry::of(line, process, snapshot.as_ref())
    };
    Ok(runs.into_iter().map(entry).collect())
}

async fn size_of(site: &Site) -> Result<LogSize, ApiError> {
    site.read(async |mut view| view.size().await).await
}

/// The run of this process, or the latest one.
async fn home(State(site): State<Site>) -> Result<Redirect, ApiError> {
    if let Some(live) = &site.live {
        return Ok(Redirect::to(&link::run(live.run())));
    }
    let latest = site.read(async |mut view| view.latest_run().await).await?;
    Ok(Redirect::to(&latest.map_or_else(|| "/runs".into(), |name| link::run(&name))))
}

async fn list_page(State(site): State<Site>) -> Result<Markup, ApiError> {
    Ok(pages::runs::runs(&list_of(&site).await?, &size_of(&site).await?))
}

/// All runs of the log
///
/// The latest first.
#[utoipa::path(get, path = "/api/runs", tag = "runs", responses((status = 200, body = Vec<RunEntry>)))]
async fn list(State(site): State<Site>) -> Result<Json<Vec<RunEntry>>, ApiError> {
    list_of(&site).await.map(Json)
}

/// All runs of the log as CSV
#[utoipa::path(
    get, path = "/api/runs.csv", tag = "runs",
    responses((status = 200, body = String, content_type = "text/csv")),
)]
async fn list_csv(State(site): State<Site>) -> Result<Response, ApiError> {
    csv::table("runs", &list_of(&site).await?)
}

/// How large the log is
///
/// `[log] success_characters` in the configuration of a run bounds it.
#[utoipa::path(get, path = "/api/log", tag = "runs", responses((status = 200, body = LogSize)))]
async fn size(State(site): State<Site>) -> Result<Json<LogSize>, ApiError> {
    size_of(&site).await.map(Json)
}

/// The overview of a run
///
/// Its status, all panels with their numbers, weights, servers, data.
#[utoipa::path(
    get, path = "/api/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "Name of the run"), ViewQuery),
    responses((status = 200, body = Overview), (status = 404, body = ErrorBody)),
)]
async fn overview(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(query): QueryParams<ViewQuery>,
) -> Result<Json<Overview>, ApiError> {
    Overview::read(&site, &run, &query.view()?).await.map(Json)
}

async fn overview_page(
    State(site): State<Site>,
    headers: HeaderMap,
    PathParams(run): PathParams<String>,
    QueryParams(query): QueryParams<ViewQuery>,
) -> Result<Markup, ApiError> {
    let person = match site.access.require(&headers) {
        Ok(()) => Person::Known,
        Err(ApiError::NoToken) => Person::Unknown,
        Err(_) => Person::Nobody,
    };
    let found = Overview::read(&site, &run, &query.view()?).await?;
    Ok(pages::overview::overview(&found, &query, person))
}

/// The status of a run
///
/// The header of its pages. `/events?run=NAME` sends it whenever it changes.
#[utoipa::path(
    get, path = "/api/runs/{run}/status", tag = "runs",
    params(("run" = String, Path, description = "Name of the run")),
    responses((status = 200, body = RunStatus), (status = 404, body = ErrorBody)),
)]
async fn status(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
) -> Result<Json<RunStatus>, ApiError> {
    site.status(&run).await.map(Json)
}

/// What deserves attention in a run
///
/// The worst first; empty if all is well. Each entry has its reason, the number, what to do, and the page
/// that shows it. `retrial status` prints the same list.
#[utoipa::path(
    get, path = "/api/runs/{run}/attention", tag = "runs",
    params(("run" = String, Path, description = "Name of the run")),
    responses((status = 200, body = Look), (status = 404, body = ErrorBody)),
)]
async fn attention(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
) -> Result<Json<Look>, ApiError> {
    Ok(Json(site.look(&run).await?.0))
}
