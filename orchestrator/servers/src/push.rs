//! Pushes a weight version to policy servers and verifies that they serve it.
//!
//! Pause, replace the weights, clear caches, label, resume: each kind
//! of server has its own API for it. If any of it fails, the server's previous version is
//! restored, with its label, and it is resumed: a server that failed to replace its weights would crash on the next
//! request, one that failed to label them would sample with new weights under the old label. At the end
//! server and trainer score the same tokens: only that, not the label, verifies the weights. A
//! checksum, where a server has one, shows that nothing was replaced, however little a step changes.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use retrial_protocol::{
    Access, PublishReport, PublishRequest, PushOutcome, ServerAddress, ServerPublish, WeightVersion,
};

use crate::caller::Caller;
use crate::control::{Control, Failed, Order, Patience};
use crate::differences::Differences;
use crate::error::CallError;
use crate::kinds::control;
use crate::sample::INVALID_LOGPROB;
use crate::unchanged::Before;

/// A server says that it has the weights, and computes other numbers than the trainer.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url} does not serve version {version}: for token {position} of the probe it has \
     log-probability {server}, the trainer has {trainer}; the mean difference is {mean:.2e} \
     ([server] tolerance is {tolerance})\n\
     hint: check the server for another precision, another model or a stale cache"
)]
struct Mismatch {
    version: WeightVersion,
    url: String,
    /// Position of the token with the largest difference in the probe.
    position: usize,
    /// The server's number, nats.
    server: f64,
    /// The trainer's number, nats.
    trainer: f64,
    /// Mean difference of all its tokens, nats.
    mean: f64,
    /// Tolerance of the mean difference, nats.
    tolerance: f64,
}

/// What to push.
pub struct Weights<'a> {
    /// The folder of the version.
    pub folder: &'a Path,
    /// The folder of the version before, for a server that fails to load this one.
    pub previous: Option<&'a Path>,
    /// The trainer's log-probabilities of the probe, nats.
    pub expected: &'a [f32],
    /// The kind of weights and their transport.
    pub order: Order<'a>,
}

/// Pushes a version to all servers of the request, in parallel, and compares their log-probabilities
/// of the probe with the trainer's.
pub async fn push(
    request: &PublishRequest,
    weights: &Weights<'_>,
    access: &Access,
) -> PublishReport {
    let pushes = request.servers.iter().map(|server| push_to(server, request, weights, access));
    let servers = join_all(pushes).await;
    tracing::info!(servers = servers.len(), "the weights were pushed");
    PublishReport { version: request.version, servers }
}

async fn push_to(
    server: &ServerAddress,
    request: &PublishRequest,
    weights: &Weights<'_>,
    access: &Access,
) -> ServerPublish {
    let clock = Instant::now();
    let (version, url) = (request.version, server.url.clone());
    let scored = async {
        let timeout = Duration::from_secs(request.timeout_seconds);
        let caller = Caller::to_server(&url, access, timeout)
            .map_err(|error| Failed::new("reading its address", error))?;
        let server = control(server.kind, &caller);
        let adapter = match replace(server.as_ref(), version, weights).await? {
            Replaced::Done { adapter } => adapter,
            Replaced::Unchanged { checksum } => return Ok(Scored::Unchanged { checksum }),
        };
        Ok(Scored::All { found: server.score(adapter, &request.probe).await?, adapter })
    };
    let scored: Result<_, Failed> = scored.await;
    let (outcome, adapter) = match scored {
        Ok(Scored::Unchanged { checksum }) => {
            let error = format!(
                "{url} does not serve version {version}: it reported a reload, but the checksum of \
                 its weights is unchanged ({checksum})\n\
                 hint: look at its log, and whether it sees the folder of the versions"
            );
            (PushOutcome::Mismatched { error }, None)
        }
        Ok(Scored::All { found, adapter }) => {
            match compare(&url, request, &found, weights.expected) {
                Ok(max_difference) => {
                    (PushOutcome::Verified { max_difference }, adapter.map(str::to_owned))
                }
                Err(mismatch) => (PushOutcome::Mismatched { error: mismatch.to_string() }, None),
            }
        }
        Err(failed) => {
            let error = format!("cannot publish version {version} to {url}: {failed}");
            tracing::warn!("{error}");
            let outcome = if failed.is_away() {
                PushOutcome::Unreachable { error }
            } else {
                PushOutcome::Refused { error }
            };
            (outcome, None)
        }
    };
    ServerPublish { url, seconds: clock.elapsed().as_secs_f64(), adapter, outcome }
}

/// The result of a replacement of a server's weights.
enum Replaced {
    /// It reports success; the name of the adapter, if the weights are one.
    Done { adapter: Option<&'static str> },
    /// It reports success, and has the weights that it had.
    Unchanged { checksum: String },
}

/// The same, with the log-probabilities of the probe.
enum Scored {
    All { found: Vec<f64>, adapter: Option<&'static str> },
    Unchanged { checksum: String },
}

/// Replaces the weights of a server, or restores it.
async fn replace(
    server: &dyn Control,
    version: WeightVersion,
    weights: &Weights<'_>,
) -> Result<Replaced, Failed> {
    if let Err(failed) = server.pause().await {
        // It may be paused anyway: an answer can be lost. An unreachable server is not
        // waited for.
        let patience = if failed.error.is_silence() { Patience::None } else { Patience::Some };
        let _ = server.resume(patience).await;
        return Err(failed);
    }
    let replaced = load(server, version, weights).await;
    let patience = match &replaced {
        // It is no longer reachable: there is nothing to restore.
        Err(failed) if failed.error.is_silence() => Patience::None,
        Err(_) | Ok(Replaced::Unchanged { .. }) => {
            fall_back(server, version, weights).await;
            Patience::Some
        }
        Ok(Replaced::Done { .. }) => Patience::Some,
    };
    let resumed = server.resume(patience).await;
    if let Err(failed) = &resumed {
        tracing::error!(%failed, "a server may still be paused; the next push resumes it");
    }
    let replaced = replaced?;
    resumed.map(|()| replaced)
}

async fn load(
    server: &dyn Control,
    version: WeightVersion,
    weights: &Weights<'_>,
) -> Result<Replaced, Failed> {
    let before = Before::of(server, version).await;
    let adapter = server.replace(weights.folder, version, &weights.order).await?;
    let label = server.label().await?;
    if label != version.to_string() {
        let problem = CallError::unusable_for_good("", format!("it says it serves {label}"));
        return Err(Failed::new("checking its label", problem));
    }
    let unchanged = before.still_there(server, weights.folder, weights.previous).await;
    Ok(unchanged.map_or(Replaced::Done { adapter }, |checksum| Replaced::Unchanged { checksum }))
}

/// Restores the previous version on a server that fails to load a new one.
async fn fall_back(server: &dyn Control, version: WeightVersion, weights: &Weights<'_>) {
    let (Some(folder), Some(before)) = (weights.previous, version.0.checked_sub(1)) else { return };
    if let Err(failed) = server.replace(folder, WeightVersion(before), &weights.order).await {
        tracing::error!(
            %failed,
            "version {before} could not be restored on the server either; its weights are unknown \
             until it accepts a push"
        );
    }
}

/// The largest difference between the server's and the trainer's log-probabilities, if the mean is within
/// the tolerance.
fn compare(
    url: &str,
    request: &PublishRequest,
    found: &[f64],
    expected: &[f32],
) -> Result<f64, Mismatch> {
    let (version, tolerance) = (request.version, request.tolerance);
    let pairs = || found.iter().copied().zip(expected.iter().copied().map(f64::from));
    let differences = Differences::of(pairs());
    let invalid = |&(_, (server, _)): &(usize, (f64, f64))| server <= f64::from(INVALID_LOGPROB);
    let far = |(_, (server, trainer)): &(usize, (f64, f64))| {
        let difference = (server - trainer).abs();
        if difference.is_nan() { f64::INFINITY } else { difference }
    };
    let unsound = (1..).zip(pairs()).find(invalid);
    if unsound.is_none() && !differences.exceed(tolerance) {
        return Ok(differences.largest);
    }
    let farthest = (1..).zip(pairs()).max_by(|one, other| far(one).total_cmp(&far(other)));
    let (position, (server, trainer)) = unsound.or(farthest).unwrap_or_default();
    let (url, mean) = (url.into(), differences.mean);
    Err(Mismatch { version, url, position, server, trainer, mean, tolerance })
}
