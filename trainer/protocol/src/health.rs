//! State of a policy server, as the loop sees it and the dashboard shows it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

/// State of a server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServerHealth {
    /// Its base URL.
    pub url: String,
    /// The version that it serves; none while it is excluded.
    pub version: Option<u64>,
    /// Requests in flight.
    pub in_flight: usize,
    /// Finished requests.
    pub requests: u64,
    /// Failed ones among them.
    pub failed: u64,
    /// Mean seconds of a request.
    pub mean_seconds: Option<f64>,
    /// Most seconds of a request.
    pub worst_seconds: Option<f64>,
}

/// A stalled server: requests are in flight and nothing arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Its base URL.
    pub url: String,
    /// Requests in flight.
    pub in_flight: usize,
    /// Time since its last answer, or since the first of them began.
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
