//! Errors of requests.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use retrial_store::{QUERY_TIME, ReadError};
use serde::Serialize;
use utoipa::ToSchema;

/// An error of a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// Not found.
    #[error("there is no {what}")]
    NotFound {
        /// What was requested.
        what: String,
    },
    /// The request is invalid.
    #[error("{0}")]
    Bad(String),
    /// A token is needed.
    #[error("this needs the dashboard's token")]
    NoToken,
    /// The request comes from another site.
    #[error("{0}")]
    Refused(String),
    /// There is no run to control.
    #[error("{0}")]
    Conflict(String),
    /// A query was stopped.
    #[error("the log took longer than {} s to answer", QUERY_TIME.as_secs())]
    TooSlow,
    /// Too many requests at once.
    #[error("too many requests are in progress")]
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

impl ApiError {
    /// Not found.
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
            Self::TooSlow => Some("request less: one run, one problem, fewer steps"),
            Self::Busy => Some("try again in a moment"),
            Self::Log(_) => Some("is the file still there, and on a local disk?"),
            Self::Bad(_) | Self::Refused(_) | Self::Conflict(_) => None,
        }
    }
}

impl IntoResponse for ApiError {
    /// Stores the error in the response: `render` makes a page or JSON of it.
    fn into_response(self) -> Response {
        (self.status(), Extension(self)).into_response()
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound { what } => Self::NotFound { what },
            ReadError::TooSlow { .. } => Self::TooSlow,
            ReadError::Busy => Self::Busy,
            ReadError::Failed(message) => Self::Log(message),
        }
    }
}
