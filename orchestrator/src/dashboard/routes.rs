//! Which path is answered by what, and what every answer goes through.

use std::sync::LazyLock;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Form, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::Markup;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::api::problems::{ProblemKey, Which};
use super::api::{self, compare, control, runs};
use super::pages::control::Person;
use super::problem::{Asked, Named, Problem, render};
use super::queries::mistakes::{self, Filter};
use super::queries::{problem, problems, step};
use super::site::Site;
use super::tables::Paging;
use super::{access, assets, events, link, metrics, pages};

/// Longest body of a request: a token.
const BODY_BYTES: usize = 4096;
/// Longest time that an answer may take; events go on.
const ANSWER_TIME: Duration = Duration::from_secs(15);

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    serde_json::to_value(api::description()).expect("a description is plain data")
});

/// Everything that is answered.
pub fn router(site: Site) -> Router {
    let (api, _) = api::router().split_for_parts();
    api.route("/", get(home))
        .route("/runs", get(run_list))
        .route("/runs/{run}", get(overview))
        .route("/runs/{run}/steps", get(step_list))
        .route("/runs/{run}/steps/{step}", get(step_page))
        .route("/runs/{run}/problems", get(problem_list))
        .route("/runs/{run}/problem", get(problem_page))
        .route("/mistakes", get(mistake_list))
        .route("/compare", get(comparison))
        .route("/control", post(ask))
        .route("/login", get(login).post(log_in))
        .route("/api", get(async || pages::api::api(&DESCRIPTION)))
        .route("/api/go", get(go))
        .route("/openapi.json", get(async || Json(&*DESCRIPTION)))
        .route("/metrics", get(metrics::get))
        .route("/healthz", get(async || Json(serde_json::json!({ "status": "ok" }))))
        .route("/assets/{name}", get(assets::get))
        .layer(from_fn(in_time))
        .route("/events", get(events::events))
        .fallback(async || Problem::not_found("page at this address"))
        .method_not_allowed_fallback(async || {
            Problem::Refused("this address does not take such a request".into())
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn_with_state(site.clone(), access::guard))
        .layer(from_fn(render))
        .layer(from_fn(access::harden))
        .with_state(site)
}

async fn in_time(request: Request, next: Next) -> Response {
    let answer = timeout(ANSWER_TIME, next.run(request)).await;
    answer.unwrap_or_else(|_| Problem::TooSlow.into_response())
}

/// The run of this process, or the latest one.
async fn home(State(site): State<Site>) -> Result<Redirect, Problem> {
    if let Some(live) = &site.live {
        return Ok(Redirect::to(&link::run(live.run())));
    }
    let latest = site.db.read(async |db| super::queries::runs::latest(db).await).await?;
    Ok(Redirect::to(&latest.map_or_else(|| "/runs".into(), |name| link::run(&name))))
}

async fn run_list(State(site): State<Site>) -> Result<Markup, Problem> {
    let Json(size) = runs::size(State(site.clone())).await?;
    let Json(found) = runs::list(State(site)).await?;
    Ok(pages::runs::runs(&found, &size))
}

async fn overview(
    State(site): State<Site>,
    headers: HeaderMap,
    Named(run): Named<String>,
) -> Result<Markup, Problem> {
    let person = match site.access.require(&headers) {
        Ok(()) => Person::Known,
        Err(Problem::NoToken) => Person::Unknown,
        Err(_) => Person::Nobody,
    };
    Ok(pages::overview::overview(&runs::overview_of(&site, &run).await?, person))
}

#[derive(Deserialize)]
struct Asking {
    wish: String,
}

/// Asks something of the run by a button.
async fn ask(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(Asking { wish }): Form<Asking>,
) -> Result<Redirect, Problem> {
    control::ask(&site, &headers, &wish)?;
    Ok(Redirect::to("/"))
}

async fn step_list(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Markup, Problem> {
    let window = paging.window()?;
    let (status, found) =
        site.read(&run, async |db, run| step::list(db, run, window).await).await?;
    Ok(pages::step::steps(&status, &found, paging.page()?, window.limit))
}

async fn step_page(
    State(site): State<Site>,
    Named((run, number)): Named<(String, u64)>,
    Asked(paging): Asked<Paging>,
) -> Result<Markup, Problem> {
    let window = paging.window()?;
    let (status, found) =
        site.read(&run, async |db, run| step::read(db, run, number, window).await).await?;
    Ok(pages::step::step(&status, &found, paging.page()?, window.limit))
}

async fn problem_list(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(which): Asked<Which>,
    Asked(paging): Asked<Paging>,
) -> Result<Markup, Problem> {
    let (fate, window) = (which.fate()?, paging.window()?);
    let (status, found) = site
        .read(&run, async |db, run| problems::list(db, run, fate, &which.contains, window).await)
        .await?;
    Ok(pages::problems::problems(&status, &found, fate, &which.contains, paging.page()?))
}

async fn problem_page(
    State(site): State<Site>,
    Named(run): Named<String>,
    Asked(key): Asked<ProblemKey>,
) -> Result<Markup, Problem> {
    let (status, found) =
        site.read(&run, async |db, run| problem::read(db, run, &key.id, key.step).await).await?;
    Ok(pages::problem::problem(&status, &found))
}

async fn mistake_list(
    State(site): State<Site>,
    Asked(filter): Asked<Filter>,
    Asked(paging): Asked<Paging>,
) -> Result<Markup, Problem> {
    let window = paging.window()?;
    let (runs, found) = site
        .db
        .read(async |db| {
            let runs = super::queries::runs::list(db).await?;
            Ok((runs, mistakes::list(db, &filter, window).await?))
        })
        .await?;
    let names: Vec<String> = runs.into_iter().map(|run| run.name).collect();
    let status =
        if names.contains(&filter.run) { Some(site.status(&filter.run).await?) } else { None };
    Ok(pages::mistakes::mistakes(status.as_ref(), &names, &filter, &found, paging.page()?))
}

async fn comparison(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Markup, Problem> {
    let found = compare::comparison_of(&site, &query.unwrap_or_default()).await?;
    Ok(pages::compare::compare(&found))
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

/// Goes to an address of the API whose parts come from a form: for browsers without JavaScript.
async fn go(
    Asked(mut fields): Asked<std::collections::BTreeMap<String, String>>,
) -> Result<Redirect, Problem> {
    let mut path = fields.remove("path").unwrap_or_default();
    if DESCRIPTION["paths"].get(&path).is_none() {
        return Err(Problem::not_found(format!("address `{path}` in the API")));
    }
    let mut rest = Vec::new();
    for (name, value) in &fields {
        let place = format!("{{{name}}}");
        if path.contains(&place) {
            path = path.replace(&place, &link::part(value).to_string());
        } else {
            rest.push((name.as_str(), value.as_str()));
        }
    }
    Ok(Redirect::to(&link::with(&path, &rest)))
}
