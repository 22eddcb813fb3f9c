//! Log-probabilities of given tokens on a server.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use retrial_protocol::{Access, ServerAddress};

use crate::caller::Caller;
use crate::control::Failed;
use crate::kinds::control;

/// Sequences scored at the same time.
const SIDE_BY_SIDE: usize = 8;

/// Scores sequences on a server, at temperature 1: for each the log-probabilities of all tokens but the
/// first, nats.
pub async fn score(
    server: &ServerAddress,
    access: &Access,
    timeout: Duration,
    adapter: Option<&str>,
    sequences: &[Vec<u32>],
) -> Result<Vec<Vec<f64>>, Failed> {
    let caller = Caller::to_server(&server.url, access, timeout)
        .map_err(|error| Failed::new("reading its address", error))?;
    let control = control(server.kind, &caller);
    let scores = sequences.iter().map(|sequence| control.score(adapter, sequence));
    stream::iter(scores).buffered(SIDE_BY_SIDE).try_collect().await
}
