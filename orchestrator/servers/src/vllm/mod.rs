//! vLLM. The embedded server has the same routes, and any other server with `/v1/completions` is sampled
//! from in the same way.

mod completions;
mod control;
mod generate;

use retrial_protocol::ServerKind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::caller::Caller;
use crate::capabilities::{Capabilities, Route, optional};
use crate::error::CallError;
use crate::keyring::Keyring;
use crate::sample::{Flaw, PolicyServer, Response};

use completions::{Completions, Versions};
use generate::Generate;

pub use control::Vllm;

const MODELS: &str = "/v1/models";

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Capabilities of a server with these routes. It must serve `model`.
pub async fn recognise(
    caller: &Caller,
    model: &str,
    keyring: &Keyring,
) -> Result<Capabilities, CallError> {
    let Models { data } = caller.get(MODELS).await?;
    if !data.iter().any(|served| served.id == model) {
        let names: Vec<&str> = data.iter().map(|served| served.id.as_str()).collect();
        let problem = format!(
            "it serves {}, not `{model}`\nhint: set [server] model to the name it serves",
            names.join(", ")
        );
        let url = format!("{}{MODELS}", caller.url());
        return Err(CallError::unusable_for_good(&url, problem));
    }
    let version = optional(|| caller.get::<Value>("/version")).await?;
    let version = version.and_then(|answer| answer["version"].as_str().map(str::to_owned));
    let control = optional(|| caller.get::<Value>("/weight_info")).await?;
    let control = control.map(|_| ServerKind::Vllm);
    let generates = generates(caller).await?;
    let route = if generates { Route::Generate } else { Route::Completions };
    let (url, keyring) = (caller.url().to_owned(), keyring.clone());
    Ok(Capabilities { url, version, route, control, keyring })
}

/// Whether the generate route exists and is enabled: then it rejects an empty request.
async fn generates(caller: &Caller) -> Result<bool, CallError> {
    let empty = Value::Object(serde_json::Map::new());
    let ask = async || match caller.tell(generate::ROUTE, &empty).await {
        Ok(_) | Err(CallError::Status { status: 400 | 422, .. }) => Ok(()),
        Err(error) => Err(error),
    };
    Ok(optional(ask).await?.is_some())
}

/// A client that samples by `/v1/completions`. A server with a control API reports its version.
pub fn completions(caller: Caller, model: &str, has_control: bool) -> Box<dyn PolicyServer> {
    let versions = if has_control { Versions::Queried } else { Versions::Unknown };
    Box::new(Completions::new(caller, model, versions))
}

/// A client that samples by `/inference/v1/generate`.
pub fn generate(caller: Caller, model: &str) -> Box<dyn PolicyServer> {
    Box::new(Generate::new(caller, model))
}

/// Parses the body of an answer of `/v1/completions`.
pub fn read_completions(body: &[u8], n: u32) -> Result<Vec<Response>, Flaw> {
    completions::read(parsed(body)?, n)
}

/// Parses the body of an answer of `/inference/v1/generate`.
pub fn read_generate(body: &[u8], n: u32) -> Result<Vec<Response>, Flaw> {
    generate::read(parsed(body)?, n)
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Flaw> {
    serde_json::from_slice(body).map_err(|error| Flaw::Passing(error.to_string()))
}
