//! Why a call failed, and whether it is worth making again.

use std::time::Duration;

use crate::address::InvalidAddress;
use crate::keyring::InvalidAccess;

/// What a failure says of the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody is there, or whoever is says that it will be later. It is waited for.
    Away,
    /// There was an answer, and it is wrong. The next one may be right.
    Wrong,
    /// Every attempt will end like this one.
    Final,
}

/// Whether a call may succeed if it is made again.
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
    /// No answer: refused, reset, or past its deadline.
    #[error("no answer from {url}: {problem}\nhint: is it running, and is the address right?")]
    Transport {
        /// What was called.
        url: String,
        /// The reason.
        problem: String,
    },
    /// The other side said no.
    #[error("{url} answered {status}: {body}")]
    Status {
        /// What was called.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it said, shortened, and what to do about it.
        body: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is not what was asked for.
    #[error("{url} sent an answer that cannot be used: {problem}")]
    Answer {
        /// What was called.
        url: String,
        /// What is wrong with it.
        problem: String,
        /// What that says of the next one.
        trouble: Trouble,
    },
    /// The client could not be made.
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
    /// An answer that cannot be used; asking again may help.
    pub fn unusable(url: &str, problem: impl Into<String>) -> Self {
        Self::Answer { url: url.into(), problem: problem.into(), trouble: Trouble::Wrong }
    }

    /// An answer that cannot be used, and will not be another the next time.
    pub fn unusable_for_good(url: &str, problem: impl Into<String>) -> Self {
        Self::Answer { url: url.into(), problem: problem.into(), trouble: Trouble::Final }
    }

    /// What it says of the next attempt.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Transport { .. } => Trouble::Away,
            Self::Status { status, .. } => of_status(*status),
            Self::Answer { trouble, .. } => *trouble,
            Self::Client(_) | Self::Address(_) | Self::Access(_) => Trouble::Final,
        }
    }

    /// Whether another attempt may succeed.
    pub fn transience(&self) -> Transience {
        match self.trouble() {
            Trouble::Away | Trouble::Wrong => Transience::Transient,
            Trouble::Final => Transience::Permanent,
        }
    }

    /// Whether nobody answered.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Transport { .. })
    }

    /// When the other side wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The reason without the address, for a text that names it already.
    pub fn problem(&self) -> String {
        match self {
            Self::Transport { problem, .. } => format!("no answer: {problem}"),
            Self::Status { status, body, .. } => format!("it answered {status}: {body}"),
            Self::Answer { problem, .. } => problem.clone(),
            other => other.to_string(),
        }
    }
}

/// Gateways and servers that are starting answer with all of these for a while: there is no such
/// route yet, the body is too large for the one that stands in, too many requests. A 500 may be the
/// fault of the request, a redirection that of a page that stands in. What says that the request is
/// wrong, or that the caller may not, will say so again; so will a full disk.
fn of_status(status: u16) -> Trouble {
    match status {
        300..400 => Trouble::Wrong,
        404 | 408 | 413 | 421 | 423 | 425 | 429 | 502 | 503 | 504 => Trouble::Away,
        501 | 505 | 507 => Trouble::Final,
        500.. => Trouble::Wrong,
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
