//! Pushes a weight version to policy servers and verifies that they serve it.
//!
//! The order is what vLLM needs: pause and drop what was computed with the old weights, reload,
//! clear the prefix cache (a reload does not), label, check the label, resume. Whatever happens in
//! between, the server is resumed; a server that failed to reload gets the previous version back
//! first, because it would die of its next request. At the end server and trainer score the same
//! tokens: that, not the label, shows that the weights are there.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use reqwest::Client;
use retrial_protocol::{PublishReport, PublishRequest, ServerPublish, WeightVersion};
use serde::Deserialize;
use serde_json::{Value, json};

/// Deadline of one call to a server; a large model is read from disk within it.
const CALL_TIMEOUT: Duration = Duration::from_mins(10);
/// A log-probability that servers report for what they do not have.
const INVALID_LOGPROB: f64 = -9999.0;

/// Why a version is not on every server.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A call to a server failed.
    #[error("cannot publish version {version} to {url}: {what}: {problem}")]
    Call {
        /// The version.
        version: WeightVersion,
        /// The server.
        url: String,
        /// Which call.
        what: &'static str,
        /// The reason.
        problem: String,
    },
    /// The server computes other numbers than the trainer.
    #[error(
        "{url} does not serve version {version}: for token {position} of the probe it has \
         log-probability {server}, the trainer has {trainer} (tolerance {tolerance})\n\
         hint: look for another precision, another model or a stale cache on the server"
    )]
    Mismatch {
        /// The version.
        version: WeightVersion,
        /// The server.
        url: String,
        /// Position of the token in the probe.
        position: usize,
        /// The server's number, nats.
        server: f64,
        /// The trainer's number, nats.
        trainer: f64,
        /// Largest difference that passes, nats.
        tolerance: f64,
    },
}

/// Pushes the version in `folder` to all servers of the request, in parallel, and compares their
/// log-probabilities of the probe with the `expected` ones.
pub async fn publish(
    request: &PublishRequest,
    folder: &Path,
    fallback: Option<&Path>,
    expected: &[f32],
) -> Result<PublishReport, PublishError> {
    let pushes = request.servers.iter().map(|url| async move {
        let server = Server::new(url, request.version)?;
        server.push(folder, fallback).await?;
        let seconds = server.started.elapsed().as_secs_f64();
        let max_difference = server.verify(request, expected).await?;
        Ok(ServerPublish { url: url.clone(), seconds, max_difference })
    });
    Ok(PublishReport { version: request.version, servers: try_join_all(pushes).await? })
}

struct Server<'a> {
    http: Client,
    url: &'a str,
    version: WeightVersion,
    started: Instant,
}

#[derive(Deserialize)]
struct WeightInfo {
    weight_version: String,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    prompt_logprobs: Option<Vec<Option<std::collections::HashMap<String, TokenLogprob>>>>,
}

#[derive(Deserialize)]
struct TokenLogprob {
    logprob: f64,
}

impl<'a> Server<'a> {
    fn new(url: &'a str, version: WeightVersion) -> Result<Self, PublishError> {
        let started = Instant::now();
        match Client::builder().timeout(CALL_TIMEOUT).build() {
            Ok(http) => Ok(Self { http, url: url.trim_end_matches('/'), version, started }),
            Err(error) => Err(PublishError::Call {
                version,
                url: url.into(),
                what: "making an HTTP client",
                problem: error.to_string(),
            }),
        }
    }

    async fn push(&self, folder: &Path, fallback: Option<&Path>) -> Result<(), PublishError> {
        self.post("pause", "/pause?mode=keep&clear_cache=true", &json!({})).await?;
        let replaced = self.replace(folder, fallback).await;
        let resumed = self.post("resume", "/resume", &json!({})).await;
        replaced.and(resumed.map(drop))
    }

    async fn replace(&self, folder: &Path, fallback: Option<&Path>) -> Result<(), PublishError> {
        if let Err(error) = self.reload(folder).await {
            if let Some(previous) = fallback
                && let Err(second) = self.reload(previous).await
            {
                tracing::error!(%second, "the server did not take the previous version either");
            }
            return Err(error);
        }
        self.post("clearing its cache", "/reset_prefix_cache", &json!({})).await?;
        let label = self.version.to_string();
        let body = json!({ "new_version": label });
        self.post("labelling", "/update_weight_version", &body).await?;
        let what = "checking its label";
        let found = self.send(what, self.http.get(format!("{}/weight_info", self.url))).await?;
        let WeightInfo { weight_version } =
            serde_json::from_value(found).map_err(|error| self.failed(what, error.to_string()))?;
        if weight_version == label {
            Ok(())
        } else {
            Err(self.failed(what, format!("it says it serves `{weight_version}`")))
        }
    }

    async fn reload(&self, folder: &Path) -> Result<(), PublishError> {
        let body = json!({ "method": "reload_weights", "kwargs": { "weights_path": folder } });
        self.post("reloading", "/collective_rpc", &body).await.map(drop)
    }

    /// The largest difference between the server's and the trainer's log-probabilities.
    async fn verify(
        &self,
        request: &PublishRequest,
        expected: &[f32],
    ) -> Result<f64, PublishError> {
        let what = "scoring the probe";
        let body = json!({
            "prompt": request.probe, "max_tokens": 1, "temperature": 0.0, "seed": 0,
            "prompt_logprobs": 0,
        });
        let answer = self.post(what, "/v1/completions", &body).await?;
        let found = prompt_logprobs(answer, &request.probe)
            .map_err(|problem| self.failed(what, problem))?;
        let mut largest = 0.0_f64;
        for (position, (&server, &trainer)) in (1..).zip(found.iter().zip(expected)) {
            let trainer = f64::from(trainer);
            let difference = (server - trainer).abs();
            // Written so that a NaN fails.
            if !(difference <= request.tolerance && server > INVALID_LOGPROB) {
                return Err(PublishError::Mismatch {
                    version: self.version,
                    url: self.url.into(),
                    position,
                    server,
                    trainer,
                    tolerance: request.tolerance,
                });
            }
            largest = largest.max(difference);
        }
        Ok(largest)
    }

    async fn post(
        &self,
        what: &'static str,
        route: &str,
        body: &Value,
    ) -> Result<Value, PublishError> {
        self.send(what, self.http.post(format!("{}{route}", self.url)).json(body)).await
    }

    async fn send(
        &self,
        what: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<Value, PublishError> {
        let failed = |error: reqwest::Error| self.failed(what, chain(&error));
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = response.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(self.failed(what, format!("it answered {status}: {body}")));
        }
        // Some routes answer with nothing.
        Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    fn failed(&self, what: &'static str, problem: String) -> PublishError {
        PublishError::Call { version: self.version, url: self.url.into(), what, problem }
    }
}

/// The log-probabilities of all tokens of the probe but the first.
fn prompt_logprobs(answer: Value, probe: &[u32]) -> Result<Vec<f64>, String> {
    let Completion { mut choices } =
        serde_json::from_value(answer).map_err(|error| error.to_string())?;
    let choice = choices.pop().ok_or("it sent no response")?;
    let logprobs = choice.prompt_logprobs.ok_or("it sent no prompt_logprobs")?;
    if logprobs.len() != probe.len() {
        return Err(format!("it scored {} tokens of {}", logprobs.len(), probe.len()));
    }
    let of_token = |(id, entry): (&u32, &Option<std::collections::HashMap<_, TokenLogprob>>)| {
        let entry = entry.as_ref().and_then(|entry| entry.get(&id.to_string()));
        entry.map(|token| token.logprob).ok_or_else(|| format!("it did not score token {id}"))
    };
    probe.iter().zip(&logprobs).skip(1).map(of_token).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
