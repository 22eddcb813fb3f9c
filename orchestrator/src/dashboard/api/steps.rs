//! Steps, and the responses of their rollouts.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::dashboard::problem::{Asked, ErrorBody, Named, Problem};
use crate::dashboard::queries::step::{StepDetail, Steps};
use crate::dashboard::queries::{problem, step};
use crate::dashboard::site::Site;
use crate::dashboard::tables::{self, Paging};

/// The steps of a run
///
/// The latest first.
#[utoipa::path(
    get, path = "/api/runs/{run}/steps", tag = "steps",
    params(("run" = String, Path, description = "Name of the run"), Paging),
    responses((status = 200, body = Steps), (status = 404, body = ErrorBody)),
)]
pub async fn list(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Steps>, Problem> {
    let window = paging.window()?;
    let (_, found) = site.read(&run, async |db, run| step::list(db, run, window).await).await?;
    Ok(Json(found))
}

/// The steps of a run as CSV
#[utoipa::path(
    get, path = "/api/runs/{run}/steps.csv", tag = "steps",
    params(("run" = String, Path, description = "Name of the run"), Paging),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
pub async fn list_csv(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    let window = paging.csv()?;
    let (_, found) = site.read(&run, async |db, run| step::list(db, run, window).await).await?;
    tables::csv("steps", &found.rows)
}

/// A step
///
/// Its phases, its numbers, and a window of its groups.
#[utoipa::path(
    get, path = "/api/runs/{run}/steps/{step}", tag = "steps",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("step" = u64, Path, description = "The step, from 1"),
        Paging,
    ),
    responses((status = 200, body = StepDetail), (status = 404, body = ErrorBody)),
)]
pub async fn step(
    State(site): State<Site>,
    Named((run, step)): Named<(String, u64)>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<StepDetail>, Problem> {
    let window = paging.window()?;
    let (_, found) =
        site.read(&run, async |db, run| step::read(db, run, step, window).await).await?;
    Ok(Json(found))
}

/// Which rollout of a step is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RolloutKey {
    /// Name of the problem.
    pub problem: String,
    /// `first` or `second`.
    pub trial: String,
    /// Position in the trial, from 0.
    pub position: u32,
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
pub async fn response(
    State(site): State<Site>,
    Named((run, step)): Named<(String, u64)>,
    Asked(key): Asked<RolloutKey>,
) -> Result<Response, Problem> {
    let (_, text) = site
        .read(&run, async |db, run| {
            problem::response(db, run, &key.problem, step, &key.trial, key.position).await
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
