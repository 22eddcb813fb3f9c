//! The API: everything on the pages as JSON, tables as CSV too, described by `/openapi.json`.
//!
//! A route is entered here together with its description, so neither is without the other.

#![allow(unused_qualifications, reason = "utoipa's macros write them")]

pub mod compare;
pub mod control;
pub mod mistakes;
pub mod problems;
pub mod runs;
pub mod steps;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as OpenApiDescription};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::site::Site;

/// What the description says about the whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Retrial",
        description = "The log of runs: what a model got wrong, and what became of it. Every page \
                       of the dashboard has a twin here under /api.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "runs", description = "Runs: how they are, their panels, side by side"),
        (name = "steps", description = "Steps and their groups"),
        (name = "problems", description = "Problems, their history, their rollouts"),
        (name = "mistakes", description = "Wrong answers, by filters"),
        (name = "control", description = "What may be asked of the run that this process trains"),
    ),
    modifiers(&Token),
)]
struct Description;

/// How a program shows the token.
struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut OpenApiDescription) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_with(Components::default);
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The routes of the API.
pub fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(runs::list))
        .routes(routes!(runs::list_csv))
        .routes(routes!(runs::size))
        .routes(routes!(runs::overview))
        .routes(routes!(runs::status))
        .routes(routes!(runs::panel))
        .routes(routes!(runs::panel_csv))
        .routes(routes!(compare::get))
        .routes(routes!(compare::get_csv))
        .routes(routes!(steps::list))
        .routes(routes!(steps::list_csv))
        .routes(routes!(steps::step))
        .routes(routes!(steps::response))
        .routes(routes!(problems::list))
        .routes(routes!(problems::list_csv))
        .routes(routes!(problems::problem))
        .routes(routes!(mistakes::list))
        .routes(routes!(mistakes::list_csv))
        .routes(routes!(control::post))
}

/// The description of the API.
pub fn description() -> OpenApiDescription {
    router().into_openapi()
}
