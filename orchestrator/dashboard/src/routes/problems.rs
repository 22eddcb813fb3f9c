//! Problems of a run.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::Markup;
use retrial_store::{ProblemDetail, ProblemOrder, ProblemStatus, Problems, Window};
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
        .routes(routes!(problem))
        .route("/runs/{run}/problems", get(list_page))
        .route("/runs/{run}/problem", get(problem_page))
}

/// The requested problems.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ProblemsQuery {
    /// `unsolved`, `rescued`, `graduated`, `lost` (once solved by every rollout, by none now), or nothing for
    /// all.
    #[serde(alias = "fate")]
    status: String,
    /// With this text in the name or the problem.
    contains: String,
    /// The order: `failed`, `visits`, `rescued` or `last_step`, the most first; `pass_rate`, the least first.
    sort: String,
}

impl ProblemsQuery {
    /// The requested order.
    fn order(&self) -> Result<ProblemOrder, ApiError> {
        match self.sort.as_str() {
            "" | "failed" => Ok(ProblemOrder::Failed),
            "visits" => Ok(ProblemOrder::Visits),
            "rescued" => Ok(ProblemOrder::Rescued),
            "pass_rate" => Ok(ProblemOrder::PassRate),
            "last_step" => Ok(ProblemOrder::LastStep),
            other => Err(ApiError::Bad(format!(
                "`sort` is `{other}`, it may be failed, visits, rescued, pass_rate or last_step"
            ))),
        }
    }

    /// The requested status.
    fn status(&self) -> Result<ProblemStatus, ApiError> {
        match self.status.as_str() {
            "" | "any" => Ok(ProblemStatus::Any),
            "unsolved" => Ok(ProblemStatus::Unsolved),
            "rescued" => Ok(ProblemStatus::Rescued),
            "graduated" => Ok(ProblemStatus::Graduated),
            "lost" => Ok(ProblemStatus::Lost),
            other => Err(ApiError::Bad(format!(
                "`status` is `{other}`, it may be unsolved, rescued, graduated, lost or any"
            ))),
        }
    }
}

/// The requested problem and visit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProblemKey {
    /// Name of the problem.
    id: String,
    /// The step whose visit is shown in full; by default the last one.
    step: Option<u64>,
}

async fn list_of(
    site: &Site,
    run: &str,
    query: &ProblemsQuery,
    window: Window,
) -> Result<(RunStatus, Problems), ApiError> {
    let (status, order, contains) = (query.status()?, query.order()?, &query.contains);
    site.read_run(run, async |mut view, run| {
        view.problems(run, status, contains, order, window).await
    })
    .await
}

async fn problem_of(
    site: &Site,
    run: &str,
    key: &ProblemKey,
) -> Result<(RunStatus, ProblemDetail), ApiError> {
    site.read_run(run, async |mut view, run| view.problem(run, &key.id, key.step).await).await
}

async fn list_page(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(query): QueryParams<ProblemsQuery>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Markup, ApiError> {
    let (status, found) = list_of(&site, &run, &query, paging.window()?).await?;
    Ok(pages::problems::problems(
        &status,
        &found,
        query.status()?,
        &query.contains,
        &query.sort,
        paging.page()?,
    ))
}

async fn problem_page(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(key): QueryParams<ProblemKey>,
) -> Result<Markup, ApiError> {
    let (status, found) = problem_of(&site, &run, &key).await?;
    Ok(pages::problem::problem(&status, &found))
}

/// The problems of a run
///
/// Those whose first trial failed most often first.
#[utoipa::path(
    get, path = "/api/runs/{run}/problems", tag = "problems",
    params(("run" = String, Path, description = "Name of the run"), ProblemsQuery, Paging),
    responses((status = 200, body = Problems), (status = 404, body = ErrorBody)),
)]
async fn list(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(query): QueryParams<ProblemsQuery>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Json<Problems>, ApiError> {
    Ok(Json(list_of(&site, &run, &query, paging.window()?).await?.1))
}

/// The problems of a run as CSV
#[utoipa::path(
    get, path = "/api/runs/{run}/problems.csv", tag = "problems",
    params(("run" = String, Path, description = "Name of the run"), ProblemsQuery, Paging),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
async fn list_csv(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(query): QueryParams<ProblemsQuery>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Response, ApiError> {
    csv::table("problems", &list_of(&site, &run, &query, paging.csv()?).await?.1.rows)
}

/// A problem
///
/// Each visit, the mistakes, the exact prompt of the second trial, and all rollouts of a visit.
#[utoipa::path(
    get, path = "/api/runs/{run}/problem", tag = "problems",
    params(("run" = String, Path, description = "Name of the run"), ProblemKey),
    responses((status = 200, body = ProblemDetail), (status = 404, body = ErrorBody)),
)]
async fn problem(
    State(site): State<Site>,
    PathParams(run): PathParams<String>,
    QueryParams(key): QueryParams<ProblemKey>,
) -> Result<Json<ProblemDetail>, ApiError> {
    Ok(Json(problem_of(&site, &run, &key).await?.1))
}
