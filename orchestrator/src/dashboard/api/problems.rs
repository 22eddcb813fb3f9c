//! Problems of a run.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::dashboard::problem::{Asked, ErrorBody, Named, Problem};
use crate::dashboard::queries::problem::{self, ProblemDetail};
use crate::dashboard::queries::problems::{self, Fate, Problems};
use crate::dashboard::site::Site;
use crate::dashboard::tables::{self, Paging};

/// Which problems are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `unsolved`, `rescued`, `graduated`, or nothing for all.
    pub fate: String,
    /// With this text in the name or the text.
    pub contains: String,
}

impl Which {
    /// The fate that is asked for.
    pub fn fate(&self) -> Result<Fate, Problem> {
        match self.fate.as_str() {
            "" | "any" => Ok(Fate::Any),
            "unsolved" => Ok(Fate::Unsolved),
            "rescued" => Ok(Fate::Rescued),
            "graduated" => Ok(Fate::Graduated),
            other => Err(Problem::Bad(format!(
                "`fate` is `{other}`, it may be unsolved, rescued, graduated or any"
            ))),
        }
    }
}

/// The problems of a run
///
/// Those whose first trial failed most often first.
#[utoipa::path(
    get, path = "/api/runs/{run}/problems", tag = "problems",
    params(("run" = String, Path, description = "Name of the run"), Which, Paging),
    responses((status = 200, body = Problems), (status = 404, body = ErrorBody)),
)]
pub async fn list(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(which): Asked<Which>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Problems>, Problem> {
    let (fate, window) = (which.fate()?, paging.window()?);
    let (_, found) = site
        .read(&run, async |db, run| problems::list(db, run, fate, &which.contains, window).await)
        .await?;
    Ok(Json(found))
}

/// The problems of a run as CSV
#[utoipa::path(
    get, path = "/api/runs/{run}/problems.csv", tag = "problems",
    params(("run" = String, Path, description = "Name of the run"), Which, Paging),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
pub async fn list_csv(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(which): Asked<Which>,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    let (fate, window) = (which.fate()?, paging.csv()?);
    let (_, found) = site
        .read(&run, async |db, run| problems::list(db, run, fate, &which.contains, window).await)
        .await?;
    tables::csv("problems", &found.rows)
}

/// Which problem is asked for, and which visit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProblemKey {
    /// Name of the problem.
    pub id: String,
    /// The step whose visit is shown in full; the last one unless given.
    pub step: Option<u64>,
}

/// A problem
///
/// Each visit, the mistakes, the exact prompt of the second trial, and all rollouts of a visit.
#[utoipa::path(
    get, path = "/api/runs/{run}/problem", tag = "problems",
    params(("run" = String, Path, description = "Name of the run"), ProblemKey),
    responses((status = 200, body = ProblemDetail), (status = 404, body = ErrorBody)),
)]
pub async fn problem(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(key): Asked<ProblemKey>,
) -> Result<Json<ProblemDetail>, Problem> {
    let (_, found) =
        site.read(&run, async |db, run| problem::read(db, run, &key.id, key.step).await).await?;
    Ok(Json(found))
}
