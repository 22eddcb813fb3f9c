//! How a policy server fares, as the loop sees it and a dashboard shows it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

/// How a server fares.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServerHealth {
    /// Its base URL.
    pub url: String,
    /// The version that it was seen to serve; none while it is left out.
    pub version: Option<u64>,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests that ended.
    pub requests: u64,
    /// Those that failed among them.
    pub failed: u64,
    /// Mean seconds of a request.
    pub mean_seconds: Option<f64>,
    /// Most seconds of a request.
    pub worst_seconds: Option<f64>,
}

/// A server that answers nothing while requests to it are under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Its base URL.
    pub url: String,
    /// Requests under way.
    pub in_flight: usize,
    /// Since it was last heard of, or the first of them began.
    pub lasting: Duration,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, in_flight, lasting } = self;
        let requests = if *in_flight == 1 { "request" } else { "requests" };
        let seconds = lasting.as_secs();
        write!(f, "{url}: {in_flight} {requests} in flight, nothing has arrived for {seconds} s")
    }
}
