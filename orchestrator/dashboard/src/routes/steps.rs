//! Steps, and the responses of their rollouts.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::Markup;
use retrial_store::{StepDetail, Steps, Window};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::{PathParams, QueryParams};
use crate::paging::Paging;
use crate::site::Site;
use crate::status::RunStatus;
use crate::{csv, pages};

/// The routes.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_csv))
        .routes(routes!(step))
        .routes(routes!(response))
        .route("/runs/{run}/steps", get(list_page))
        .route("/runs/{run}/steps/{step}", get(step_page))
}

async fn list_of(site: &Site, run: &str, window: Window) -> Result<(RunStatus, Steps), ApiError> {
    site.read_run(run, async |mut view, run| view.steps(run, window).await).await
}

async fn step_of(
    site: &Site,
    run: &str,
    step: u64,
    window: Window,
) -> Result<(RunStatus, StepDetail), ApiError> {
    site.read_run(run, async |mut view, run| view.step(run, step, window).await).await
}

async fn list_page(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Markup, ApiError> {
    let window = paging.window()?;
    let (status, found) = list_of(&site, &run, window).await?;
    Ok(pages::step::steps(&status, &found, paging.page()?, window.limit))
}

async fn step_page(
    State(site): State<Site>,
    PathParams((run, step)): PathParams<(String, u64)>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Markup, ApiError> {
    let window = paging.window()?;
    let (status, found) = step_of(&site, &run, step, window).await?;
    Ok(pages::step::step(&status, &found, paging.page()?, window.limit))
}

/// The steps of a run
///
/// The latest first.
#[utoipa::path(
    get, path = "/api/runs/{run}/steps", tag = "steps",
    params(("run" = String, Path, description = "Name of the run"), Paging),
    responses((status = 200, body = Steps), (status = 404, body = ErrorBody)),
)]
async fn list(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Json<Steps>, ApiError> {
    Ok(Json(list_of(&site, &run, paging.window()?).await?.1))
}

/// The steps of a run as CSV
#[utoipa::path(
    get, path = "/api/runs/{run}/steps.csv", tag = "steps",
    params(("run" = String, Path, description = "Name of the run"), Paging),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
async fn list_csv(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Response, ApiError> {
    csv::table("steps", &list_of(&site, &run, paging.csv()?).await?.1.rows)
}

/// A step
///
/// Its phases, its metrics, and a page of its groups.
#[utoipa::path(
    get, path = "/api/runs/{run}/steps/{step}", tag = "steps",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("step" = u64, Path, description = "The step, from 1"),
        Paging,
    ),
    responses((status = 200, body = StepDetail), (status = 404, body = ErrorBody)),
)]
async fn step(
    State(site): State<Site>,
    PathParams((run, step)): PathParams<(String, u64)>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Json<StepDetail>, ApiError> {
    Ok(Json(step_of(&site, &run, step, paging.window()?).await?.1))
}

/// The requested rollout of a step.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RolloutKey {
    /// Name of the problem.
    problem: String,
    /// `first` or `second`.
    trial: String,
    /// Position in the trial, from 0.
    position: u32,
}

/// The whole text of a response
///
/// As plain text, exactly as the model wrote it.
#[utoipa::path(
    get, path = "/api/runs/{run}/steps/{step}/response", tag = "steps",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("step" = u64, Path, description = "The step, from 1"),
        RolloutKey,
    ),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404, body = ErrorBody)),
)]
async fn response(
    State(site): State<Site>,
    PathParams((run, step)): PathParams<(String, u64)>,
    QueryParams(key): QueryParams<RolloutKey>,
) -> Result<Response, ApiError> {
    let (_, text) = site
        .read_run(&run, async |mut view, run| {
            view.response(run, step, &key.problem, &key.trial, key.position).await
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
