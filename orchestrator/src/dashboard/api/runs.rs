//! Runs: the list, the overview, single panels.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dashboard::panels::{Over, Panel, Section, sections};
use crate::dashboard::problem::{ErrorBody, Named, Problem};
use crate::dashboard::queries::overview::{RunData, Source, Weights};
use crate::dashboard::queries::runs::{self, LogSize, RunLine};
use crate::dashboard::queries::status::RunStatus;
use crate::dashboard::site::Site;
use crate::dashboard::tables;
use crate::live::Snapshot;

/// The overview of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    /// How it is.
    pub status: RunStatus,
    /// Its panels.
    pub sections: Vec<Section>,
    /// The versions that were served last, the latest first.
    pub weights: Vec<Weights>,
    /// The share of correct un-hinted rollouts by the tags of their problems, over the last steps.
    pub sources: Vec<Source>,
    /// Problems to train on.
    pub train_problems: i64,
    /// How often the steps went through them.
    pub epoch: f64,
    /// What the run does now, where this process trains it.
    pub live: Option<Snapshot>,
}

/// Reads the overview of a run.
pub async fn overview_of(site: &Site, run: &str) -> Result<Overview, Problem> {
    let (status, data) = site.data(run).await?;
    let RunData { train_problems, visits, .. } = *data;
    Ok(Overview {
        live: site.snapshot().filter(|_| status.live),
        status,
        sections: sections(&data),
        weights: data.weights.clone(),
        sources: data.sources.clone(),
        train_problems,
        epoch: visits as f64 / train_problems.max(1) as f64,
    })
}

async fn panel_of(site: &Site, run: &str, id: &str) -> Result<Panel, Problem> {
    let (_, data): (_, Arc<RunData>) = site.data(run).await?;
    let mut all = sections(&data).into_iter().flat_map(|section| section.panels);
    all.find(|panel| panel.id == id).ok_or_else(|| Problem::not_found(format!("panel `{id}`")))
}

/// All runs of the log
///
/// The latest first.
#[utoipa::path(get, path = "/api/runs", tag = "runs", responses((status = 200, body = Vec<RunLine>)))]
pub async fn list(State(site): State<Site>) -> Result<Json<Vec<RunLine>>, Problem> {
    site.db.read(async |db| runs::list(db).await).await.map(Json)
}

/// All runs of the log as CSV
#[utoipa::path(
    get, path = "/api/runs.csv", tag = "runs",
    responses((status = 200, body = String, content_type = "text/csv")),
)]
pub async fn list_csv(State(site): State<Site>) -> Result<Response, Problem> {
    tables::csv("runs", &site.db.read(async |db| runs::list(db).await).await?)
}

/// How large the log is
///
/// `[log] success_characters` in the configuration of a run bounds it.
#[utoipa::path(get, path = "/api/log", tag = "runs", responses((status = 200, body = LogSize)))]
pub async fn size(State(site): State<Site>) -> Result<Json<LogSize>, Problem> {
    site.db.read(async |db| runs::size(db).await).await.map(Json)
}

/// The overview of a run
///
/// Its status, all panels with their numbers, weights, servers, data.
#[utoipa::path(
    get, path = "/api/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "Name of the run")),
    responses((status = 200, body = Overview), (status = 404, body = ErrorBody)),
)]
pub async fn overview(
    State(site): State<Site>,
    Named(run): Named<String>,
) -> Result<Json<Overview>, Problem> {
    overview_of(&site, &run).await.map(Json)
}

/// How a run is
///
/// The header of its pages. `/events?run=NAME` sends it whenever it changes.
#[utoipa::path(
    get, path = "/api/runs/{run}/status", tag = "runs",
    params(("run" = String, Path, description = "Name of the run")),
    responses((status = 200, body = RunStatus), (status = 404, body = ErrorBody)),
)]
pub async fn status(
    State(site): State<Site>,
    Named(run): Named<String>,
) -> Result<Json<RunStatus>, Problem> {
    site.status(&run).await.map(Json)
}

/// A panel
///
/// Every number of it, whatever its chart has room for.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
    ),
    responses((status = 200, body = Panel), (status = 404, body = ErrorBody)),
)]
pub async fn panel(
    State(site): State<Site>,
    Named((run, panel)): Named<(String, String)>,
) -> Result<Json<Panel>, Problem> {
    panel_of(&site, &run, &panel).await.map(Json)
}

/// A panel as CSV
///
/// A row a place, a column a series.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}/csv", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
    ),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
pub async fn panel_csv(
    State(site): State<Site>,
    Named((run, panel)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let panel = panel_of(&site, &run, &panel).await?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let over = match panel.over {
        Over::Step => "step",
        Over::WeightVersion => "weight_version",
    };
    let names = panel.series.iter().map(|series| series.name.as_str());
    let failed = |error: csv::Error| Problem::Log(error.to_string());
    writer.write_record(std::iter::once(over).chain(names)).map_err(failed)?;
    for (place, x) in panel.x.iter().enumerate() {
        let values = panel
            .series
            .iter()
            .map(|series| series.values[place].map(|value| value.to_string()).unwrap_or_default());
        writer.write_record(std::iter::once(x.to_string()).chain(values)).map_err(failed)?;
    }
    tables::sent("panel", writer)
}
