//! Runs: the list, the overview, single panels.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};
use axum::routing::get;
use maud::Markup;
use retrial_report::{Over, Panel, sections, sheet};
use retrial_store::{LogSize, RunLine, View};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::PathParams;
use crate::look::Look;
use crate::overview::Overview;
use crate::pages::control::Person;
use crate::run_entry::RunEntry;
use crate::site::Site;
use crate::status::RunStatus;
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
        .routes(routes!(panel))
        .routes(routes!(panel_csv))
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

async fn panel_of(site: &Site, run: &str, id: &str) -> Result<Panel, ApiError> {
    let (_, data) = site.data(run).await?;
    let mut all = sections(&data).into_iter().flat_map(|section| section.panels);
    all.find(|panel| panel.id == id).ok_or_else(|| ApiError::not_found(format!("panel `{id}`")))
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
    params(("run" = String, Path, description = "Name of the run")),
    responses((status = 200, body = Overview), (status = 404, body = ErrorBody)),
)]
async fn overview(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
) -> Result<Json<Overview>, ApiError> {
    Overview::read(&site, &run).await.map(Json)
}

async fn overview_page(
    State(site): State<Site>,
    headers: HeaderMap,
    PathParams(run): PathParams<String>,
) -> Result<Markup, ApiError> {
    let person = match site.access.require(&headers) {
        Ok(()) => Person::Known,
        Err(ApiError::NoToken) => Person::Unknown,
        Err(_) => Person::Nobody,
    };
    Ok(pages::overview::overview(&Overview::read(&site, &run).await?, person))
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

/// A panel
///
/// With all its values, including those that a chart leaves out.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
    ),
    responses((status = 200, body = Panel), (status = 404, body = ErrorBody)),
)]
async fn panel(
    State(site): State<Site>,
    PathParams((run, panel)): PathParams<(String, String)>,
) -> Result<Json<Panel>, ApiError> {
    panel_of(&site, &run, &panel).await.map(Json)
}

/// A panel as CSV
///
/// One row for each place, one column for each series.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}/csv", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
    ),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
async fn panel_csv(
    State(site): State<Site>,
    PathParams((run, panel)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let panel = panel_of(&site, &run, &panel).await?;
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let over = match panel.over {
        Over::Step => "step",
        Over::WeightVersion => "weight_version",
    };
    let names = panel.series.iter().map(|series| sheet::cell(&series.name));
    let failed = |error: ::csv::Error| ApiError::Log(error.to_string());
    writer
        .write_record(std::iter::once(over.into()).chain(names).map(Cow::into_owned))
        .map_err(failed)?;
    for (place, x) in panel.x.iter().enumerate() {
        let values = panel
            .series
            .iter()
            .map(|series| series.values[place].map(|value| value.to_string()).unwrap_or_default());
        writer.write_record(std::iter::once(x.to_string()).chain(values)).map_err(failed)?;
    }
    csv::sent("panel", writer)
}
