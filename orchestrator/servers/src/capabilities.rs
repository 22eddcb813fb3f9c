//! Capabilities of a server.

use std::fmt;

use retrial_protocol::ServerKind;

use crate::error::{CallError, Trouble};
use crate::keyring::Keyring;
use crate::retry::Policy;

/// The API for rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v1/completions` with token ids.
    Completions,
    /// vLLM's `/inference/v1/generate`, with weight versions for parts of a response.
    Generate,
    /// `SGLang`'s `/generate`, with weight versions too.
    Sglang,
}

/// Capabilities of a server.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Its base URL.
    pub url: String,
    /// Its version, if it reports one.
    pub version: Option<String>,
    /// Its API for rollouts.
    pub route: Route,
    /// Its control API; without one it serves rollouts only.
    pub control: Option<ServerKind>,
    /// The client it was probed with.
    pub(crate) keyring: Keyring,
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.control, self.route) {
            (Some(ServerKind::Sglang), _) => "SGLang",
            (Some(ServerKind::Vllm), _) | (None, Route::Generate) => "vLLM",
            (None, _) => "OpenAI-compatible",
        };
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let route = match self.route {
            Route::Completions => "/v1/completions",
            Route::Generate => "/inference/v1/generate",
            Route::Sglang => "/generate",
        };
        let push = match self.control {
            Some(_) => "weights from disk",
            None => "rollouts only",
        };
        write!(f, "{}: {name} {version}, rollouts by {route}, {push}", self.url)
    }
}

/// The answer of an optional route. A wrong answer does not show yet that the route does not exist.
pub async fn optional<T, F>(ask: impl FnMut() -> F) -> Result<Option<T>, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let policy = Policy { wrong: 2, ..Policy::BRIEF };
    match policy.run_while(ask, |error| error.trouble() == Trouble::Wrong).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => absent(error).map(|()| None),
    }
}

/// Whether an error shows that a route does not exist. A temporary error does
/// not.
fn absent(error: CallError) -> Result<(), CallError> {
    match &error {
        CallError::Status { status: 404, .. } | CallError::Answer { .. } => Ok(()),
        CallError::Status { .. } if error.trouble() != Trouble::Away => Ok(()),
        _ => Err(error),
    }
}
