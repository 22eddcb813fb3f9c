//! Errors of calls, and whether to retry them.

use std::time::Duration;

use crate::address::InvalidAddress;
use crate::keyring::InvalidAccess;

/// What an error implies for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server is unreachable or asks to come back later: wait for it.
    Away,
    /// The answer was wrong. The next one may be right.
    Wrong,
    /// Every attempt would fail.
    Final,
}

/// Whether a call may succeed if it is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transience {
    /// It may.
    Transient,
    /// It will not.
    Permanent,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer: connection refused or reset, or deadline exceeded.
    #[error(
        "no answer from {url}: {problem}\nhint: check that it is running and that the address is right"
    )]
    Transport {
        /// The URL.
        url: String,
        /// The cause.
        problem: String,
    },
    /// An error status.
    #[error("{url} answered {status}: {body}")]
    Status {
        /// The URL.
        url: String,
        /// HTTP status.
        status: u16,
        /// The body, shortened, and a hint.
        body: String,
        /// When to retry, if the server says it.
        retry_after: Option<Duration>,
    },
    /// The answer is not what was expected.
    #[error("{url} sent an answer that cannot be used: {problem}")]
    Answer {
        /// The URL.
        url: String,
        /// The problem.
        problem: String,
        /// What it implies for a retry.
        trouble: Trouble,
    },
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// The key, the headers or the certificates cannot be used.
    #[error(transparent)]
    Access(#[from] InvalidAccess),
}

impl CallError {
    /// An unusable answer; a retry may help.
    pub fn unusable(url: &str, problem: impl Into<String>) -> Self {
        Self::Answer { url: url.into(), problem: problem.into(), trouble: Trouble::Wrong }
    }

    /// An unusable answer; a retry will not help.
    pub fn unusable_for_good(url: &str, problem: impl Into<String>) -> Self {
        Self::Answer { url: url.into(), problem: problem.into(), trouble: Trouble::Final }
    }

    /// What it implies for a retry.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Transport { .. } => Trouble::Away,
            Self::Status { status, .. } => of_status(*status),
            Self::Answer { trouble, .. } => *trouble,
            Self::Client(_) | Self::Address(_) | Self::Access(_) => Trouble::Final,
        }
    }

    /// Whether a retry may succeed.
    pub fn transience(&self) -> Transience {
        match self.trouble() {
            Trouble::Away | Trouble::Wrong => Transience::Transient,
            Trouble::Final => Transience::Permanent,
        }
    }

    /// Whether the server is unreachable.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Transport { .. })
    }

    /// When to retry, if the server says it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error without the URL, for a text that already has it.
    pub fn problem(&self) -> String {
        match self {
            Self::Transport { problem, .. } => format!("no answer: {problem}"),
            Self::Status { status, body, .. } => format!("it answered {status}: {body}"),
            Self::Answer { problem, .. } => problem.clone(),
            other => other.to_string(),
        }
    }
}

/// Gateways and servers that are starting may answer with any of these for a while: no such
/// route yet, the body is too large for the proxy, too many requests. A 500 may be caused by
/// the request, a redirection by a page of a proxy. A status that says that the request is invalid, or
/// unauthorized, will not change; nor will a full disk.
fn of_status(status: u16) -> Trouble {
    match status {
        404 | 408 | 413 | 421 | 423 | 425 | 429 | 502 | 503 | 504 => Trouble::Away,
        501 | 505 | 507 => Trouble::Final,
        300..400 | 500.. => Trouble::Wrong,
        _ => Trouble::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_says_for_a_while_is_waited_for() {
        for (trouble, all) in [
            (Trouble::Away, &[404, 408, 413, 429, 502, 503, 504][..]),
            (Trouble::Wrong, &[302, 500, 520]),
            (Trouble::Final, &[400, 401, 403, 405, 409, 422, 501, 507]),
        ] {
            for &status in all {
                assert_eq!(of_status(status), trouble, "{status}");
            }
        }
    }
}
