//! A slot for a request on a server. It is freed when it is dropped, whatever the result of the
//! request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use retrial_protocol::WeightVersion;
use tokio::time::timeout_at;

use super::core::Pool;
use super::error::NoServer;
use super::member::Member;
use crate::error::{CallError, Trouble};

/// An occupied slot.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub pool: &'a Pool,
    /// Which server.
    pub index: usize,
    /// The server's epoch when the request began.
    pub epoch: u64,
    /// When it began.
    pub clock: Instant,
    /// The adapter to sample from.
    pub adapter: Option<Arc<str>>,
    /// Whether the result of the request was recorded.
    pub ended: bool,
}

/// What to do after a failed request.
#[derive(Debug)]
pub(super) enum Then {
    /// Retry, on any available server; after this many consecutive failures of the server.
    Again(u32),
    /// Patience is exhausted: the server was unreachable for this long, and no other one serves.
    Stop(Duration),
}

impl Place<'_> {
    /// The request succeeded.
    pub fn succeeded(mut self) {
        self.ended = true;
        self.pool.lock().members[self.index].end(self.clock, None, true);
    }

    /// The request failed.
    pub fn failed(mut self, error: &CallError) -> Then {
        self.ended = true;
        let mut state = self.pool.lock();
        let member = &mut state.members[self.index];
        // Requests in flight when a server is excluded fail with it, which is no new information.
        let counts = member.epoch == self.epoch;
        member.end(self.clock, Some(error), counts);
        let failures = member.failures;
        let mut exhausted = None;
        if counts && error.trouble() == Trouble::Away {
            exhausted = member.rest(self.clock, error);
        }
        let too_many = failures >= self.pool.limits.failures;
        if (too_many || exhausted.is_some()) && member.leave_out() {
            let url = self.pool.servers[self.index].url();
            tracing::warn!(url, "excluded until it accepts a push");
        }
        state.failed += u32::from(counts && error.trouble() == Trouble::Wrong);
        state.last_failure = error.to_string();
        let alone = state.members.iter().all(|member| member.version.is_none());
        drop(state);
        match exhausted {
            Some(waited) if alone => Then::Stop(waited),
            _ => Then::Again(failures),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.pool.lock().members[self.index].drop_request();
        }
        self.pool.changed.notify_waiters();
    }
}

impl Pool {
    /// Waits for a slot on the least loaded server that serves `version`.
    pub(super) async fn take(&self, version: WeightVersion) -> Result<Place<'_>, NoServer> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let rested = {
                let mut state = self.lock();
                let now = Instant::now();
                let serving = |member: &Member| member.version == Some(version);
                if !state.members.iter().any(serving) {
                    return Err(NoServer { version, last: state.last_failure.clone() });
                }
                let free = (0..state.members.len())
                    .filter(|&index| serving(&state.members[index]))
                    .filter(|&index| state.members[index].in_flight < self.limits.concurrency)
                    .filter(|&index| state.members[index].rests(now).is_none())
                    .min_by_key(|&index| state.members[index].in_flight);
                if let Some(index) = free {
                    let member = &mut state.members[index];
                    let (epoch, adapter) = (member.begin(now), member.adapter.clone());
                    let (pool, clock, ended) = (self, now, false);
                    return Ok(Place { pool, index, epoch, clock, adapter, ended });
                }
                state.members.iter().filter_map(|member| member.rests(now)).min()
            };
            match rested {
                Some(end) => drop(timeout_at(end.into(), changed).await),
                None => changed.await,
            }
        }
    }
}
