//! The supported kinds of servers. A new one needs its own file and its lines here.

use std::time::Duration;

use retrial_protocol::{Access, ServerKind};
use tokio::time::sleep;

use crate::address::Address;
use crate::caller::Caller;
use crate::capabilities::{Capabilities, Route};
use crate::control::{Control, ControlClient};
use crate::error::CallError;
use crate::keyring::Keyring;
use crate::retry::{Policy, with_retries};
use crate::sample::{Flaw, PolicyServer, Response};
use crate::{sglang, vllm};

/// Deadline of each probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often to ask a server again that seems to take no weights.
const DOUBTS: u32 = 2;

/// Probes the server at `url`: its kind, and whether it serves `model`. The credentials are those
/// in the environment.
pub async fn probe(url: &str, model: &str) -> Result<Capabilities, CallError> {
    let keyring = Keyring::of(&Access::default())?;
    recognise(&Address::parse(url)?, model, &keyring).await
}

/// Probes a server. Temporary failures are retried a few times.
pub async fn recognise(
    address: &Address,
    model: &str,
    keyring: &Keyring,
) -> Result<Capabilities, CallError> {
    let caller = Caller::new(keyring, address, PROBE_TIMEOUT)?;
    let ask = async || match sglang::recognise(&caller, keyring).await? {
        Some(found) => Ok(found),
        None => vllm::recognise(&caller, model, keyring).await,
    };
    let mut found = with_retries(ask).await?;
    // A gateway says 404 too, for a while. What decides whether a server can be used is asked again.
    for _ in 0..DOUBTS {
        if found.control.is_some() {
            break;
        }
        sleep(Policy::BRIEF.first).await;
        found = with_retries(ask).await?;
    }
    Ok(found)
}

impl Capabilities {
    /// The client for sampling from this server, whose every call ends within `timeout`.
    pub fn connect(
        &self,
        model: &str,
        timeout: Duration,
    ) -> Result<Box<dyn PolicyServer>, CallError> {
        let caller = Caller::new(&self.keyring, &Address::parse(&self.url)?, timeout)?;
        Ok(match self.route {
            Route::Completions => vllm::completions(caller, model, self.control.is_some()),
            Route::Generate => vllm::generate(caller, model),
            Route::Sglang => Box::new(sglang::Sampler(caller)),
        })
    }
}

/// Parses the body of a server's answer to a request for `n` responses, by its API.
pub fn read(route: Route, body: &[u8], n: u32) -> Result<Vec<Response>, Flaw> {
    match route {
        Route::Completions => vllm::read_completions(body, n),
        Route::Generate => vllm::read_generate(body, n),
        Route::Sglang => sglang::read_generate(body, n),
    }
}

/// The control API of a kind of server.
pub fn control(kind: ServerKind, caller: &Caller) -> Box<dyn Control + '_> {
    let client = ControlClient { caller };
    match kind {
        ServerKind::Vllm => Box::new(vllm::Vllm(client)),
        ServerKind::Sglang => Box::new(sglang::Sglang(client)),
    }
}
