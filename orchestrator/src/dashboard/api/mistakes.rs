//! Mistakes by filters.

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use crate::dashboard::problem::{Asked, ErrorBody, Problem};
use crate::dashboard::queries::mistakes::{self, Filter, Mistakes};
use crate::dashboard::site::Site;
use crate::dashboard::tables::{self, Paging};

/// Mistakes
///
/// Wrong answers that pass all filters, the most frequent first, with the query that found them.
/// Equal answers count as one, however they are written.
#[utoipa::path(
    get, path = "/api/mistakes", tag = "mistakes",
    params(Filter, Paging),
    responses((status = 200, body = Mistakes), (status = 400, body = ErrorBody)),
)]
pub async fn list(
    State(site): State<Site>,
    Asked(filter): Asked<Filter>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Mistakes>, Problem> {
    let window = paging.window()?;
    site.db.read(async |db| mistakes::list(db, &filter, window).await).await.map(Json)
}

/// Mistakes as CSV
#[utoipa::path(
    get, path = "/api/mistakes.csv", tag = "mistakes",
    params(Filter, Paging),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = ErrorBody)),
)]
pub async fn list_csv(
    State(site): State<Site>,
    Asked(filter): Asked<Filter>,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    let window = paging.csv()?;
    let found = site.db.read(async |db| mistakes::list(db, &filter, window).await).await?;
    tables::csv("mistakes", &found.rows)
}
