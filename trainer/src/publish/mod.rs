//! Pushes a weight version to policy servers and verifies that they serve it.
//!
//! Pause, replace the weights, drop what was computed with the old ones, label, resume: each kind
//! of server has its own words for it. Whatever happens in between, the server is resumed; one
//! that failed to replace its weights gets the previous version back first, because it would die
//! of its next request. At the end server and trainer score the same tokens: that, not the label,
//! shows that the weights are there.

mod call;
mod intact;
#[cfg(feature = "nccl")]
mod nccl;
#[cfg(not(feature = "nccl"))]
#[path = "without_nccl.rs"]
mod nccl;
mod sglang;
mod vllm;

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use retrial_protocol::{
    PublishReport, PublishRequest, PushOutcome, ServerAddress, ServerKind, ServerPublish,
    TrainerState, Transfer, VersionKind, WeightVersion,
};

use call::{CallFailed, Caller};

pub use intact::check as check_files;
pub use nccl::Channels;

use crate::versions::run_of;

/// A log-probability that servers report for what they do not have.
const INVALID_LOGPROB: f64 = -9999.0;

/// A server that is reachable computes other numbers than the trainer: training must not go on.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url} does not serve version {version}: for token {position} of the probe it has \
     log-probability {server}, the trainer has {trainer} (tolerance {tolerance})\n\
     hint: look for another precision, another model or a stale cache on the server"
)]
pub struct Mismatch {
    /// The version.
    pub version: WeightVersion,
    /// The server.
    pub url: String,
    /// Position of the token in the probe.
    pub position: usize,
    /// The server's number, nats.
    pub server: f64,
    /// The trainer's number, nats.
    pub trainer: f64,
    /// Largest difference that passes, nats.
    pub tolerance: f64,
}

/// What is pushed.
struct Weights<'a> {
    version: WeightVersion,
    folder: &'a Path,
    kind: VersionKind,
    /// The version before, for a server that cannot take this one.
    previous: Option<&'a Path>,
    transfer: Transfer,
    channels: &'a Channels,
}

/// Pushes the trainer's version to all servers of the request, in parallel, and compares their
/// log-probabilities of the probe with the `expected` ones.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = run_of(&state.folder), step = request.version.0, phase = "push"))]
pub async fn publish(
    request: &PublishRequest,
    state: &TrainerState,
    previous: Option<&Path>,
    expected: &[f32],
    channels: &Channels,
) -> Result<PublishReport, Mismatch> {
    let TrainerState { folder, kind, .. } = state;
    let &PublishRequest { version, transfer, .. } = request;
    let weights = Weights { version, folder, kind: *kind, previous, transfer, channels };
    let pushes = request.servers.iter().map(|server| push(server, &weights, request, expected));
    // Each is gone through to its end, so that a mismatch of one leaves no other one paused.
    let pushed: Result<Vec<_>, _> = join_all(pushes).await.into_iter().collect();
    let servers = pushed?;
    tracing::info!(servers = servers.len(), "the weights were pushed");
    Ok(PublishReport { version: request.version, servers })
}

async fn push(
    server: &ServerAddress,
    weights: &Weights<'_>,
    request: &PublishRequest,
    expected: &[f32],
) -> Result<ServerPublish, Mismatch> {
    let clock = Instant::now();
    let scored = async {
        let caller = Caller::new(&server.url, Duration::from_secs(request.timeout_seconds))?;
        match server.kind {
            ServerKind::Vllm => {
                let adapter = vllm::push(&caller, weights).await?;
                Ok((vllm::score(&caller, adapter, &request.probe).await?, adapter))
            }
            ServerKind::Sglang => {
                sglang::push(&caller, weights).await?;
                Ok((sglang::score(&caller, &request.probe).await?, None))
            }
        }
    };
    let (outcome, adapter) = match scored.await {
        Ok((found, adapter)) => {
            let max_difference = compare(&server.url, request, &found, expected)?;
            (PushOutcome::Verified { max_difference }, adapter.map(str::to_owned))
        }
        Err(CallFailed { answered, what, problem }) => {
            let (version, url) = (weights.version, &server.url);
            let error = format!("cannot publish version {version} to {url}: {what}: {problem}");
            tracing::warn!("{error}");
            let failed = if answered {
                PushOutcome::Refused { error }
            } else {
                PushOutcome::Unreachable { error }
            };
            (failed, None)
        }
    };
    let (url, seconds) = (server.url.clone(), clock.elapsed().as_secs_f64());
    Ok(ServerPublish { url, seconds, adapter, outcome })
}

/// The largest difference between the server's and the trainer's log-probabilities.
fn compare(
    url: &str,
    request: &PublishRequest,
    found: &[f64],
    expected: &[f32],
) -> Result<f64, Mismatch> {
    let mut largest = 0.0_f64;
    for (position, (&server, &trainer)) in (1..).zip(found.iter().zip(expected)) {
        let trainer = f64::from(trainer);
        let difference = (server - trainer).abs();
        // Written so that a NaN fails.
        if !(difference <= request.tolerance && server > INVALID_LOGPROB) {
            let (version, tolerance) = (request.version, request.tolerance);
            return Err(Mismatch {
                version,
                url: url.into(),
                position,
                server,
                trainer,
                tolerance,
            });
        }
        largest = largest.max(difference);
    }
    Ok(largest)
}

/// Gives a server that cannot take the new weights the previous ones back.
async fn fall_back<F: Future<Output = Result<(), CallFailed>>>(
    weights: &Weights<'_>,
    reload: impl Fn(std::path::PathBuf) -> F,
) {
    if let Some(previous) = weights.previous
        && let Err(CallFailed { problem, .. }) = reload(previous.to_owned()).await
    {
        tracing::error!(%problem, "the server did not take the previous version either");
    }
}
