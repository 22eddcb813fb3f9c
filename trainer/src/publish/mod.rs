//! The trainer's part of a push: which folders, whether their files are intact, and the transfer over NCCL.
//! How to push to each kind of server is in `retrial_servers`.

mod intact;
#[cfg(feature = "nccl")]
mod nccl;
#[cfg(not(feature = "nccl"))]
#[path = "without_nccl.rs"]
mod nccl;

use std::path::Path;

use retrial_protocol::{PublishCall, PublishReport, TrainerState};
use retrial_servers::{Order, Weights, push};

use crate::versions::run_of;

pub use intact::check as check_files;
pub use nccl::Channels;

/// Pushes the trainer's version to all servers of the request, in parallel, and compares their
/// log-probabilities of the probe with the `expected` ones.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = run_of(&state.folder), step = call.request.version.0, phase = "push"))]
pub async fn publish(
    call: &PublishCall,
    state: &TrainerState,
    previous: Option<&Path>,
    expected: &[f32],
    channels: &Channels,
) -> PublishReport {
    let order = Order { kind: state.kind, transfer: call.request.transfer, channel: channels };
    let weights = Weights { folder: &state.folder, previous, expected, order };
    push(&call.request, &weights, &call.access).await
}
