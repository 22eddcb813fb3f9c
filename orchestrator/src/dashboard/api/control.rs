//! Control of the run that this process trains. Always needs the token.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use crate::dashboard::problem::{ErrorBody, Named, Problem};
use crate::dashboard::site::Site;
use crate::live::{Wish, Wishes};

/// Asks something of the run.
pub fn ask(site: &Site, headers: &HeaderMap, wish: &str) -> Result<Wishes, Problem> {
    site.access.require(headers)?;
    let wish: Wish = wish.parse().map_err(Problem::Bad)?;
    let live = site.live.as_ref().filter(|live| !live.has_ended()).ok_or_else(|| {
        Problem::Conflict("this process trains no run: its own dashboard controls it".into())
    })?;
    tracing::info!(?wish, "asked for by the dashboard");
    live.ask(wish);
    Ok(live.control().wishes())
}

/// Asks something of the run
///
/// `pause`, `resume`, `stop` (after the step under way), `evaluate` or `checkpoint` (keep the
/// weights for good). It is done between two steps. Answers what was asked and is not done yet.
#[utoipa::path(
    post, path = "/api/control/{wish}", tag = "control",
    params(("wish" = String, Path, description = "What is asked: pause, resume, stop, evaluate, checkpoint")),
    responses(
        (status = 200, body = Wishes),
        (status = 400, body = ErrorBody),
        (status = 401, description = "The token is missing", body = ErrorBody),
        (status = 403, description = "The dashboard has no token", body = ErrorBody),
        (status = 409, description = "This process trains no run", body = ErrorBody),
    ),
    security(("token" = [])),
)]
pub async fn post(
    State(site): State<Site>,
    headers: HeaderMap,
    Named(wish): Named<String>,
) -> Result<Json<Wishes>, Problem> {
    ask(&site, &headers, &wish).map(Json)
}
