//! The general part of the API's description. Each of `routes` adds its own part.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as OpenApiDescription};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::site::Site;

/// The general part of the description.
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
        (name = "control", description = "Commands to the run that this process trains"),
    ),
    modifiers(&Token),
)]
struct Description;

/// How a program sends the token.
struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut OpenApiDescription) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_with(Components::default);
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// An empty router of the API.
pub fn empty() -> OpenApiRouter<Site> {
    OpenApiRouter::with_openapi(Description::openapi())
}
