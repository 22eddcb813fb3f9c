//! Control of the run that this process trains. Always needs the token.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::Json;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::post;
use retrial_live::{Command, Pending};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, ErrorBody};
use crate::extract::PathParams;
use crate::site::Site;

/// The routes.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new().routes(routes!(ask)).route("/control", post(ask_by_button))
}

/// Sends the run a command.
fn give(site: &Site, headers: &HeaderMap, command: &str) -> Result<Pending, ApiError> {
    site.access.require(headers)?;
    let command: Command = command.parse().map_err(ApiError::Bad)?;
    let live = site.live.as_ref().filter(|live| !live.has_ended()).ok_or_else(|| {
        ApiError::Conflict("this process trains no run: its own dashboard controls it".into())
    })?;
    tracing::info!(?command, "command from the dashboard");
    live.ask(command);
    Ok(live.control().pending())
}

#[derive(Deserialize)]
struct Button {
    command: String,
}

/// Sends the run a command by a button.
async fn ask_by_button(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(Button { command }): Form<Button>,
) -> Result<Redirect, ApiError> {
    give(&site, &headers, &command)?;
    Ok(Redirect::to("/"))
}

/// Sends the run a command
///
/// `pause`, `resume`, `stop` (after the current step), `evaluate` or `checkpoint` (keep the
/// weights permanently). It is executed between two steps. Returns the pending commands.
#[utoipa::path(
    post, path = "/api/control/{command}", tag = "control",
    params(("command" = String, Path, description = "The command: pause, resume, stop, evaluate, checkpoint")),
    responses(
        (status = 200, body = Pending),
        (status = 400, body = ErrorBody),
        (status = 401, description = "The token is missing", body = ErrorBody),
        (status = 403, description = "The dashboard has no token", body = ErrorBody),
        (status = 409, description = "This process trains no run", body = ErrorBody),
    ),
    security(("token" = [])),
)]
async fn ask(
    State(site): State<Site>,
    headers: HeaderMap,
    PathParams(command): PathParams<String>,
) -> Result<Json<Pending>, ApiError> {
    give(&site, &headers, &command).map(Json)
}
