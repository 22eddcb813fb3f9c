//! Calls to a policy server's control routes.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// Deadline of one call; a large model is read from disk within it.
const CALL_TIMEOUT: Duration = Duration::from_mins(10);

/// A call that failed.
#[derive(Debug)]
pub struct CallFailed {
    /// Whether the server answered at all.
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
}

impl Caller {
    pub fn new(url: &str) -> Self {
        let http = Client::builder().timeout(CALL_TIMEOUT).build();
        Self {
            http: http.expect("a client with nothing but a deadline can be made"),
            url: url.trim_end_matches('/').into(),
        }
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
}

async fn answer(what: &'static str, request: RequestBuilder) -> Result<Value, CallFailed> {
    let failed = |error: reqwest::Error| {
        let problem = chain(&error);
        CallFailed { answered: false, what, problem }
    };
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    let body = response.text().await.map_err(failed)?;
    if !status.is_success() {
        // From 502 to 504 a gateway speaks for a server that is not there at the moment.
        let answered = !(502..=504).contains(&status.as_u16());
        return Err(CallFailed {
            answered,
            what,
            problem: format!("it answered {status}: {body}"),
        });
    }
    // Some routes answer with nothing.
    Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
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
