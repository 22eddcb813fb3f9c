//! The interface for giving servers weights, and the calls that all implementations share.

use std::path::Path;

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use retrial_protocol::{Transfer, VersionKind, WeightVersion};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::caller::Caller;
use crate::error::{CallError, Trouble};
use crate::retry::Policy;

/// The control API of a kind of server.
pub trait Control: Send + Sync {
    /// Pauses sampling, so that the weights can be replaced.
    fn pause(&self) -> BoxFuture<'_, Result<(), Failed>>;

    /// Resumes sampling.
    fn resume(&self, patience: Patience) -> BoxFuture<'_, Result<(), Failed>>;

    /// Replaces the weights of a paused server with those of a folder, clears its caches,
    /// and labels the weights. Returns the model name for requests, if the weights are an adapter
    /// on the server's model.
    fn replace<'a>(
        &'a self,
        folder: &'a Path,
        version: WeightVersion,
        order: &'a Order<'a>,
    ) -> BoxFuture<'a, Result<Option<&'static str>, Failed>>;

    /// The label of the current weights, as the server reports it.
    fn label(&self) -> BoxFuture<'_, Result<Value, Failed>>;

    /// A checksum of its weights, where it has any.
    fn checksum(&self) -> BoxFuture<'_, Option<String>> {
        ready(None).boxed()
    }

    /// Log-probabilities of all tokens of a probe but the first, nats.
    fn score<'a>(
        &'a self,
        adapter: Option<&'a str>,
        probe: &'a [u32],
    ) -> BoxFuture<'a, Result<Vec<f64>, Failed>>;
}

/// A transport for whole weights other than the disk. Its dependencies (a GPU, NCCL) are the trainer's.
pub trait Channel: Send + Sync {
    /// Replaces the weights of a paused server with those of a version's folder.
    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<(), Failed>>;
}

/// What to push.
pub struct Order<'a> {
    /// Kind of weights in the folders.
    pub kind: VersionKind,
    /// Transport of whole models.
    pub transfer: Transfer,
    /// The transport other than the disk.
    pub channel: &'a dyn Channel,
}

/// A call of a push that failed after all retries.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {}{hint}", error.problem())]
pub struct Failed {
    /// The purpose of the call.
    pub what: &'static str,
    /// The error.
    pub error: CallError,
    /// A hint, if the error has none.
    pub hint: &'static str,
}

/// Retries of a call of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// One attempt.
    None,
    /// A few attempts, even if the server is unreachable: it is in the middle of an update.
    Some,
}

impl Failed {
    /// An error of the call with this purpose.
    pub fn new(what: &'static str, error: CallError) -> Self {
        Self { what, error, hint: "" }
    }

    /// Whether the server is unreachable.
    pub fn is_away(&self) -> bool {
        self.error.trouble() == Trouble::Away
    }
}

/// A client of one server's control API. Calls are retried, because one that failed half-way
/// leaves the server in an undefined state.
pub struct ControlClient<'a> {
    /// The HTTP client.
    pub caller: &'a Caller,
}

impl ControlClient<'_> {
    fn policy(&self) -> Policy {
        Policy { patience: self.caller.timeout(), wrong: 3, ..Policy::BRIEF }
    }

    /// `POST route`.
    pub async fn tell(
        &self,
        what: &'static str,
        route: &str,
        body: &Value,
    ) -> Result<Value, Failed> {
        let call = || self.caller.tell(route, body);
        self.policy().run(call).await.map_err(|error| Failed::new(what, error))
    }

    /// Whether the server has a route.
    pub async fn has(&self, what: &'static str, route: &str) -> Result<bool, Failed> {
        let call = || self.caller.has(route);
        self.policy().run(call).await.map_err(|error| Failed::new(what, error))
    }

    /// Pauses. An unreachable server is not waited for: the caller decides how long to wait.
    pub async fn pause(&self, route: &str, body: Value) -> Result<(), Failed> {
        let call = || self.caller.tell(route, &body);
        let paused = self.policy().run_while(call, |error| !error.is_silence()).await;
        paused.map(drop).map_err(|error| Failed::new("pause", error))
    }

    /// Resumes.
    pub async fn resume(&self, route: &str, patience: Patience) -> Result<(), Failed> {
        let body = Value::Object(serde_json::Map::new());
        let call = || self.caller.tell(route, &body);
        let resumed = match patience {
            Patience::None => call().await,
            Patience::Some => self.policy().run(call).await,
        };
        resumed.map(drop).map_err(|error| Failed::new("resume", error))
    }

    /// The label that a route reports.
    pub async fn label(&self, route: &str) -> Result<Value, Failed> {
        let call = || self.caller.get::<Value>(route);
        let found = self.policy().run(call).await;
        let found = found.map_err(|error| Failed::new("checking its label", error))?;
        Ok(found["weight_version"].clone())
    }

    /// Scores with a route, whose answer is parsed by `read`.
    pub async fn score<T: DeserializeOwned>(
        &self,
        route: &str,
        body: &Value,
        read: impl Fn(T) -> Result<Vec<f64>, String>,
    ) -> Result<Vec<f64>, Failed> {
        let call = async || {
            let answer: Value = self.caller.post(route, body).await?;
            let answer = serde_json::from_value(answer).map_err(|error| error.to_string());
            let scores = answer.and_then(&read);
            scores.map_err(|problem| CallError::unusable(self.caller.url(), problem))
        };
        let scored = self.policy().run(call).await;
        scored.map_err(|error| Failed::new("scoring the probe", error))
    }
}

/// Log-probabilities of all tokens of a probe but the first, nats, from a server's entry for each
/// token. `logprob` finds the token in it; none if it is missing.
pub fn scores<T>(
    probe: &[u32],
    said: Vec<T>,
    logprob: impl Fn(u32, T) -> Option<f64>,
) -> Result<Vec<f64>, String> {
    if said.len() != probe.len() {
        return Err(format!("it scored {} tokens of {}", said.len(), probe.len()));
    }
    let of_token = |(&id, said): (&u32, T)| {
        logprob(id, said).ok_or_else(|| format!("it did not score token {id}"))
    };
    probe.iter().zip(said).skip(1).map(of_token).collect()
}
