//! Login with the token.

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::Markup;
use serde::Deserialize;

use crate::pages;
use crate::site::Site;

/// The routes.
pub fn router() -> Router<Site> {
    Router::new().route("/login", get(login).post(log_in))
}

async fn login(State(site): State<Site>) -> Markup {
    pages::login::login(false, site.access.has_token())
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

async fn log_in(State(site): State<Site>, Form(login): Form<Login>) -> Response {
    let Some(cookie) = site.access.cookie(login.token.trim()) else {
        let page = pages::login::login(true, site.access.has_token());
        return (StatusCode::UNAUTHORIZED, page).into_response();
    };
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}
