//! Why a request is not answered as asked, for a person (a page) and for a program (JSON).

use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::db::QUERY_TIME;
use super::pages;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The request makes no sense.
    #[error("{0}")]
    Bad(String),
    /// A token is needed.
    #[error("this needs the dashboard's token")]
    NoToken,
    /// The request comes from where it must not.
    #[error("{0}")]
    Refused(String),
    /// There is nobody to do it.
    #[error("{0}")]
    Conflict(String),
    /// A query was stopped.
    #[error("the log took longer than {} s to answer", QUERY_TIME.as_secs())]
    TooSlow,
    /// Too many pages at once.
    #[error("too many requests are under way")]
    Busy,
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(String),
}

/// The body of a failed request to the API.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl Problem {
    /// There is no such thing.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooSlow | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Log(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some("the list of runs has everything that is in the log"),
            Self::NoToken => Some("log in, or send it as `Authorization: Bearer TOKEN`"),
            Self::TooSlow => Some("ask for less: one run, one problem, fewer steps"),
            Self::Busy => Some("try again in a moment"),
            Self::Log(_) => Some("is the file still there, and on a local disk?"),
            Self::Bad(_) | Self::Refused(_) | Self::Conflict(_) => None,
        }
    }
}

impl IntoResponse for Problem {
    /// Carries itself along: [`render`] makes a page or JSON of it.
    fn into_response(self) -> Response {
        (self.status(), Extension(self)).into_response()
    }
}

/// Answers problems of the API as JSON and those of pages as pages.
pub async fn render(request: Request, next: Next) -> Response {
    let program = is_program(request.uri().path());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let status = problem.status();
    if program {
        let body = ErrorBody { error: problem.to_string(), hint: problem.hint() };
        return (status, Json(body)).into_response();
    }
    (status, pages::problem(&problem)).into_response()
}

/// Whether programs ask for this path, rather than people.
fn is_program(path: &str) -> bool {
    path.starts_with("/api/")
        || ["/openapi.json", "/metrics", "/healthz", "/events"].contains(&path)
}

/// The parameters of an address.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Query::from_request_parts(parts, state).await;
        found.map(|Query(found)| Self(found)).map_err(|error| Problem::Bad(error.body_text()))
    }
}

/// The parts of a path.
#[derive(Debug)]
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::from_request_parts(parts, state).await;
        found.map(|Path(found)| Self(found)).map_err(|error| Problem::Bad(error.body_text()))
    }
}
