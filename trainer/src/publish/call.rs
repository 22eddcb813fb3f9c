//! Calls to a policy server's control routes.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use retrial_protocol::Token;
use serde_json::{Value, json};

/// What is answered in the place of a server that is not there, or not yet.
const ABSENT: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

/// Longest answer that is read. These routes answer with a line.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Longest part of an answer that an error shows.
const MAX_SHOWN_CHARS: usize = 600;

/// A call that failed.
#[derive(Debug)]
pub struct CallFailed {
    /// Whether the server answered at all. That it is not there at the moment is no answer.
    pub answered: bool,
    /// What the call was for.
    pub what: &'static str,
    /// The reason.
    pub problem: String,
}

impl CallFailed {
    /// An answer that is not the one that was wanted.
    pub fn refused(what: &'static str, problem: String) -> Self {
        Self { answered: true, what, problem }
    }
}

/// Calls one server.
pub struct Caller {
    http: Client,
    url: String,
    #[cfg(feature = "nccl")]
    timeout: Duration,
}

impl Caller {
    /// Each of its calls ends within `timeout`, shows the services' token if the environment has
    /// one, and follows no redirection.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, CallFailed> {
        let headers = Token::headers_to_services()
            .map_err(|error| CallFailed::refused("reading the token", error.to_string()))?;
        let http = Client::builder().timeout(timeout).redirect(Policy::none());
        Ok(Self {
            http: http.default_headers(headers).build().expect("a plain client can be made"),
            url: url.trim_end_matches('/').into(),
            #[cfg(feature = "nccl")]
            timeout,
        })
    }

    /// The server's base URL.
    #[cfg(feature = "nccl")]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long a call may take.
    #[cfg(feature = "nccl")]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    pub async fn get(&self, what: &'static str, route: &str) -> Result<Value, CallFailed> {
        answer(what, self.http.get(format!("{}{route}", self.url))).await
    }

    pub async fn post(
        &self,
        what: &'static str,
        route: &str,
        body: &Value,
    ) -> Result<Value, CallFailed> {
        answer(what, self.http.post(format!("{}{route}", self.url)).json(body)).await
    }

    /// Whether the server has a route: one that it has complains of an empty request.
    pub async fn has(&self, what: &'static str, route: &str) -> Result<bool, CallFailed> {
        let request = self.http.post(format!("{}{route}", self.url)).json(&json!({}));
        match request.send().await {
            Ok(response) if !ABSENT.contains(&response.status()) => {
                Ok(response.status() != StatusCode::NOT_FOUND)
            }
            Ok(response) => {
                let problem = format!("it answered {}", response.status());
                Err(CallFailed { answered: false, what, problem })
            }
            Err(error) => Err(CallFailed { answered: false, what, problem: chain(&error) }),
        }
    }
}

async fn answer(what: &'static str, request: RequestBuilder) -> Result<Value, CallFailed> {
    let failed = |error: &dyn Error| CallFailed { answered: false, what, problem: chain(error) };
    let response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status();
    let body = Limited::new(reqwest::Body::from(response), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| failed(&*error))?.to_bytes();
    if !status.is_success() {
        let answered = !ABSENT.contains(&status);
        let shown: String = String::from_utf8_lossy(&body).chars().take(MAX_SHOWN_CHARS).collect();
        return Err(CallFailed {
            answered,
            what,
            problem: format!("it answered {status}: {shown}"),
        });
    }
    // Some routes answer with nothing.
    Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
