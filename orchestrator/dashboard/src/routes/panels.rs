//! Single panels of a run: as a page, as JSON, as CSV, as a picture.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::Markup;
use retrial_report::{Panel, Size, picture, sheet};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::{PathParams, QueryParams};
use crate::site::Site;
use crate::status::RunStatus;
use crate::view::ViewQuery;
use crate::{csv, pages};

/// The routes.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new()
        .routes(routes!(json))
        .routes(routes!(table))
        .routes(routes!(svg))
        .route("/runs/{run}/panels/{panel}", get(page))
}

/// A panel with the question that it answers.
async fn panel_of(
    site: &Site,
    run: &str,
    id: &str,
    query: &ViewQuery,
) -> Result<(RunStatus, &'static str, Panel), ApiError> {
    let view = query.view()?;
    let (status, data) = site.data(run).await?;
    let panels = view
        .sections(&data)
        .into_iter()
        .flat_map(|section| section.panels.into_iter().map(move |panel| (section.title, panel)));
    let mut found = panels.filter(|(_, panel)| panel.id == id);
    let (question, panel) =
        found.next().ok_or_else(|| ApiError::not_found(format!("panel `{id}`")))?;
    Ok((status, question, panel))
}

async fn page(
    State(site): State<Site>,
    PathParams((run, panel)): PathParams<(String, String)>,
    QueryParams(query): QueryParams<ViewQuery>,
) -> Result<Markup, ApiError> {
    let (status, question, panel) = panel_of(&site, &run, &panel, &query).await?;
    Ok(pages::panel::panel(&status, question, &panel, &query))
}

/// A panel
///
/// With all its values, including those that a chart leaves out.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
        ViewQuery,
    ),
    responses((status = 200, body = Panel), (status = 404, body = ErrorBody)),
)]
async fn json(
    State(site): State<Site>,
    PathParams((run, panel)): PathParams<(String, String)>,
    QueryParams(query): QueryParams<ViewQuery>,
) -> Result<Json<Panel>, ApiError> {
    Ok(Json(panel_of(&site, &run, &panel, &query).await?.2))
}

/// A panel as CSV
///
/// One row for each place, one column for each series.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}/csv", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
        ViewQuery,
    ),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)),
)]
async fn table(
    State(site): State<Site>,
    PathParams((run, panel)): PathParams<(String, String)>,
    QueryParams(query): QueryParams<ViewQuery>,
) -> Result<Response, ApiError> {
    let (_, _, panel) = panel_of(&site, &run, &panel, &query).await?;
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let names = panel.series.iter().map(|series| sheet::cell(&series.name));
    let failed = |error: ::csv::Error| ApiError::Log(error.to_string());
    writer
        .write_record(std::iter::once(panel.over.key().into()).chain(names).map(Cow::into_owned))
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

/// A panel as a picture
///
/// An SVG file that needs nothing else, light or dark as its reader prefers.
#[utoipa::path(
    get, path = "/api/runs/{run}/panels/{panel}/svg", tag = "runs",
    params(
        ("run" = String, Path, description = "Name of the run"),
        ("panel" = String, Path, description = "Name of the panel"),
        ViewQuery,
    ),
    responses((status = 200, body = String, content_type = "image/svg+xml"), (status = 404, body = ErrorBody)),
)]
async fn svg(
    State(site): State<Site>,
    PathParams((run, panel)): PathParams<(String, String)>,
    QueryParams(query): QueryParams<ViewQuery>,
) -> Result<Response, ApiError> {
    let (_, _, panel) = panel_of(&site, &run, &panel, &query).await?;
    let nothing = || ApiError::not_found("picture: the panel is empty");
    let drawn = picture(&panel, Size::Large).ok_or_else(nothing)?.into_string();
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        // Its style is inside, which the policy of pages refuses.
        (header::CONTENT_DISPOSITION, "attachment; filename=\"panel.svg\""),
    ];
    Ok((headers, drawn).into_response())
}
