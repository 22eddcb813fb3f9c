//! What a server is, found out by asking it.

use std::fmt;
use std::time::Duration;

use retrial_protocol::ServerKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::PolicyServer;
use super::completions::{Completions, Versions};
use super::generate::Generate;
use super::sglang::Sglang;
use crate::http::{self, CallError};

/// Deadline of each question.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// Servers drop idle connections after 5 s; the client lets go of them sooner.
const IDLE: Duration = Duration::from_secs(3);

/// The route that rollouts come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v1/completions` with token ids.
    Completions,
    /// vLLM's `/inference/v1/generate`: weight versions by stretches of a response.
    Generate,
    /// `SGLang`'s `/generate`, the same.
    Sglang,
}

/// What a server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its base URL.
    pub url: String,
    /// Its version, if it tells.
    pub version: Option<String>,
    /// The route that rollouts come by.
    pub route: Route,
    /// Its control routes; without any it serves rollouts only.
    pub control: Option<ServerKind>,
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Asks the server at `url` what it is and whether it serves `model`.
pub async fn probe(url: &str, model: &str) -> Result<Capabilities, CallError> {
    let http = http::client(PROBE_TIMEOUT, Some(IDLE))?;
    let url = url.trim_end_matches('/');
    let get = async |route: &str| http::get::<Value>(&http, &format!("{url}{route}")).await;
    let text = |answer: Value, key: &str| answer[key].as_str().map(str::to_owned);

    // SGLang takes any model name, and calls its model by its path after an update.
    if let Some(info) = optional(get("/model_info").await)?
        && !info["weight_version"].is_null()
    {
        let version = optional(get("/server_info").await)?.and_then(|info| text(info, "version"));
        let control = Some(ServerKind::Sglang);
        return Ok(Capabilities { url: url.into(), version, route: Route::Sglang, control });
    }

    let route = format!("{url}/v1/models");
    let Models { data } = http::get(&http, &route).await?;
    if !data.iter().any(|served| served.id == model) {
        let names: Vec<&str> = data.iter().map(|served| served.id.as_str()).collect();
        let names = names.join(", ");
        let problem = format!(
            "it serves {names}, not `{model}`\nhint: set [server] model to the name it serves"
        );
        return Err(CallError::unusable_for_good(&route, problem));
    }
    let version = optional(get("/version").await)?.and_then(|answer| text(answer, "version"));
    let control = optional(get("/weight_info").await)?.map(|_| ServerKind::Vllm);
    let generates = generates(&http, url).await?;
    let route = if generates { Route::Generate } else { Route::Completions };
    Ok(Capabilities { url: url.into(), version, route, control })
}

/// Whether vLLM's generate route is there and enabled: it complains of an empty request then.
async fn generates(http: &reqwest::Client, url: &str) -> Result<bool, CallError> {
    let route = format!("{url}/inference/v1/generate");
    match http::post::<Value>(http, &route, &json!({})).await {
        Ok(_) => Ok(true),
        Err(CallError::Status { status, .. }) => Ok(status == 400 || status == 422),
        Err(error) => Err(error),
    }
}

/// The answer of a route that need not be there.
fn optional(answer: Result<Value, CallError>) -> Result<Option<Value>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(CallError::Status { .. } | CallError::Answer { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Capabilities {
    /// The adapter that speaks to this server, whose every call ends within `timeout`.
    pub fn connect(
        &self,
        model: &str,
        timeout: Duration,
    ) -> Result<Box<dyn PolicyServer>, CallError> {
        let http = http::client(timeout, Some(IDLE))?;
        Ok(match self.route {
            Route::Completions => {
                let versions =
                    if self.control.is_some() { Versions::Asked } else { Versions::Unknown };
                Box::new(Completions::new(http, &self.url, model, versions))
            }
            Route::Generate => Box::new(Generate::new(http, &self.url, model)),
            Route::Sglang => Box::new(Sglang::new(http, &self.url)),
        })
    }
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
