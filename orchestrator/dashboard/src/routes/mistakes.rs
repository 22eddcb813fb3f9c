//! Mistakes by filters.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::Markup;
use retrial_store::{Mistakes, Window};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::QueryParams;
use crate::filter::MistakeQuery;
use crate::paging::Paging;
use crate::site::Site;
use crate::{csv, pages};

/// The routes.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_csv))
        .route("/mistakes", get(list_page))
}

async fn list_of(site: &Site, query: &MistakeQuery, window: Window) -> Result<Mistakes, ApiError> {
    let filter = query.filter()?;
    site.read(async |mut view| view.mistakes(&filter, window).await).await
}

async fn list_page(
    State(site): State<Site>,
    QueryParams(query): QueryParams<MistakeQuery>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Markup, ApiError> {
    let found = list_of(&site, &query, paging.window()?).await?;
    let runs = site.read(async |mut view| view.runs().await).await?;
    let names: Vec<String> = runs.into_iter().map(|run| run.name).collect();
    let status =
        if names.contains(&query.run) { Some(site.status(&query.run).await?) } else { None };
    Ok(pages::mistakes::mistakes(status.as_ref(), &names, &query, &found, paging.page()?))
}

/// Mistakes
///
/// Wrong answers that match all filters, the most frequent first, with the query that finds them.
/// Equal answers count as one, however they are written.
#[utoipa::path(
    get, path = "/api/mistakes", tag = "mistakes",
    params(MistakeQuery, Paging),
    responses((status = 200, body = Mistakes), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(site): State<Site>,
    QueryParams(query): QueryParams<MistakeQuery>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Json<Mistakes>, ApiError> {
    list_of(&site, &query, paging.window()?).await.map(Json)
}

/// Mistakes as CSV
#[utoipa::path(
    get, path = "/api/mistakes.csv", tag = "mistakes",
    params(MistakeQuery, Paging),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = ErrorBody)),
)]
async fn list_csv(
    State(site): State<Site>,
    QueryParams(query): QueryParams<MistakeQuery>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<Response, ApiError> {
    csv::table("mistakes", &list_of(&site, &query, paging.csv()?).await?.rows)
}
