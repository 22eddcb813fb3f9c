//! Several servers as one: the least loaded one gets the next group, a bounded number of requests
//! is in flight to each, and the work of one that fails goes to another.
//!
//! A server takes part only while it is known to serve the version that is asked for: after a push
//! that was verified there, and until one of its requests fails for good. It is brought back by the
//! next push that it takes.

mod member;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use retrial_protocol::{PublishReport, PushOutcome, WeightVersion};
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::{PolicyServer, SampleRequest, Sampled};
use crate::http::{CallError, Transience};
use member::Member;

pub use member::{ServerHealth, Silence};

/// What the pool puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests in flight to each server.
    pub concurrency: usize,
    /// Failed requests in a row after which a server is left out.
    pub failures: u32,
    /// Failed requests of all servers between two pushes, after which the run stops.
    pub budget: u32,
    /// Pause before the next request to a server that has just failed one; doubles each time.
    pub pause: Duration,
    /// Silence of a server with requests in flight after which the run says so.
    pub stall: Duration,
}

/// Servers that share the rollouts.
#[derive(Debug)]
pub struct Pool {
    servers: Vec<Box<dyn PolicyServer>>,
    limits: Limits,
    /// Whether the servers serve what was pushed to them, and must say so.
    pushes: bool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// One of each server.
    members: Vec<Member>,
    /// The version that was pushed last.
    version: Option<WeightVersion>,
    /// Failed requests since that version was pushed first, and the last of them.
    failed: u32,
    last_failure: String,
}

/// A request's place on a server.
#[derive(Clone, Debug)]
struct Place {
    /// Which server.
    index: usize,
    /// The server's epoch when the request began.
    epoch: u64,
    /// When it began.
    clock: Instant,
    /// The adapter that samples.
    adapter: Option<Arc<str>>,
}

/// No server serves the version that is asked for.
#[derive(Debug, thiserror::Error)]
#[error("no server serves version {version}; the last failure: {last}")]
pub struct NoServer {
    /// The version.
    pub version: WeightVersion,
    /// Why the last server was left out.
    pub last: String,
}

impl Pool {
    /// A pool of servers none of which is known to serve anything yet.
    pub fn new(servers: Vec<Box<dyn PolicyServer>>, limits: Limits) -> Self {
        let state = State {
            members: vec![Member::new(); servers.len()],
            version: None,
            failed: 0,
            last_failure: "none has taken a push yet".into(),
        };
        Self { servers, limits, pushes: true, state: Mutex::new(state), changed: Notify::new() }
    }

    /// A pool of servers that are taken as they are, with whatever weights they serve: nothing is
    /// pushed, all of them count as serving `version`, and their labels are not looked at.
    pub fn as_served(
        servers: Vec<Box<dyn PolicyServer>>,
        limits: Limits,
        version: WeightVersion,
    ) -> Self {
        let mut pool = Self { pushes: false, ..Self::new(servers, limits) };
        let state = pool.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for member in &mut state.members {
            member.version = Some(version);
        }
        pool
    }

    /// Requests in flight to all servers together.
    pub fn concurrency(&self) -> usize {
        self.limits.concurrency * self.servers.len()
    }

    /// Notes what came of a push: the servers that took it serve its version, the others nothing.
    /// Returns how many serve it.
    pub fn pushed(&self, report: &PublishReport) -> usize {
        let mut state = self.lock();
        // Servers that are brought back by the same version do not get a new budget: one that
        // takes every push and answers nothing else would be tried for ever.
        if state.version.replace(report.version) != Some(report.version) {
            state.failed = 0;
        }
        let mut serving = 0;
        for (index, server) in self.servers.iter().enumerate() {
            let push = report.servers.iter().find(|push| push.url == server.url());
            state.members[index].start_anew();
            match push.map(|push| &push.outcome) {
                Some(PushOutcome::Verified { .. }) => {
                    state.members[index].version = Some(report.version);
                    state.members[index].adapter =
                        push.and_then(|push| push.adapter.as_deref()).map(Arc::from);
                    serving += 1;
                }
                Some(PushOutcome::Unreachable { error } | PushOutcome::Refused { error }) => {
                    state.last_failure.clone_from(error);
                }
                None => {}
            }
        }
        drop(state);
        self.changed.notify_waiters();
        serving
    }

    /// The servers that serve `version`, and the adapters that it is there.
    pub fn serving(&self, version: WeightVersion) -> Vec<(&dyn PolicyServer, Option<Arc<str>>)> {
        let state = self.lock();
        let members = self.servers.iter().zip(&state.members);
        members
            .filter(|(_, member)| member.version == Some(version))
            .map(|(server, member)| (server.as_ref(), member.adapter.clone()))
            .collect()
    }

    /// The version that was pushed last.
    pub fn version(&self) -> Option<WeightVersion> {
        self.lock().version
    }

    /// The version that any server is known to serve.
    pub fn served(&self) -> Option<WeightVersion> {
        self.lock().members.iter().find_map(|member| member.version)
    }

    /// Forgets the failed requests: their cause is known and gone.
    pub fn forgive(&self) {
        self.lock().failed = 0;
    }

    /// The last failure of a request or a push.
    pub fn last_failure(&self) -> String {
        self.lock().last_failure.clone()
    }

    /// How each server fares.
    pub fn health(&self) -> Vec<ServerHealth> {
        let state = self.lock();
        let pairs = self.servers.iter().zip(&state.members);
        pairs.map(|(server, member)| member.health(server.url())).collect()
    }

    /// The servers that requests are in flight to and that have been silent for long.
    pub fn silent(&self) -> Vec<Silence> {
        let state = self.lock();
        let now = Instant::now();
        let pairs = self.servers.iter().zip(&state.members);
        pairs
            .filter_map(|(server, member)| member.silence(server.url(), now, self.limits.stall))
            .collect()
    }

    /// Samples with the weights of `version`, on whichever server has the least to do. A request
    /// that fails for a passing reason is made again, elsewhere if there is another server.
    pub async fn sample(
        &self,
        version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<Vec<Sampled>> {
        loop {
            let place = self.take(version).await?;
            let server = &self.servers[place.index];
            let request = SampleRequest { adapter: place.adapter.as_deref(), ..request };
            let outcome = self.patiently(place.index, server.sample(request)).await;
            let outcome = outcome.and_then(|sampled| {
                let foreign = self.pushes.then(|| foreign_label(&sampled, version)).flatten();
                foreign
                    .map_or(Ok(sampled), |problem| Err(CallError::unusable(server.url(), problem)))
            });
            match outcome {
                Ok(sampled) => {
                    self.give_back(&place, None);
                    return Ok(sampled);
                }
                Err(error) if error.transience() == Transience::Transient => {
                    tracing::warn!(%error, "a rollout request failed; it is made again");
                    let failures = self.give_back(&place, Some(&error));
                    self.check_budget()?;
                    let doublings = failures.saturating_sub(1).min(6);
                    tokio::time::sleep(self.limits.pause * 2_u32.pow(doublings)).await;
                }
                Err(error) => {
                    self.give_back(&place, None);
                    return Err(error.into());
                }
            }
        }
    }

    /// Waits for a place on the least loaded server that serves `version`.
    async fn take(&self, version: WeightVersion) -> Result<Place, NoServer> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                let serving = |member: &Member| member.version == Some(version);
                if !state.members.iter().any(serving) {
                    return Err(NoServer { version, last: state.last_failure.clone() });
                }
                let free = (0..state.members.len())
                    .filter(|&index| serving(&state.members[index]))
                    .filter(|&index| state.members[index].in_flight < self.limits.concurrency)
                    .min_by_key(|&index| state.members[index].in_flight);
                if let Some(index) = free {
                    let clock = Instant::now();
                    let epoch = state.members[index].begin(clock);
                    let adapter = state.members[index].adapter.clone();
                    return Ok(Place { index, epoch, clock, adapter });
                }
            }
            changed.await;
        }
    }

    /// Waits for an answer, and says so whenever the server has been silent for long.
    async fn patiently<T>(&self, index: usize, answer: impl Future<Output = T>) -> T {
        tokio::pin!(answer);
        loop {
            let due = self.lock().members[index].silence_is_due(self.limits.stall);
            match timeout_at(due.into(), &mut answer).await {
                Ok(answer) => return answer,
                Err(_) => self.tell_silence(index),
            }
        }
    }

    /// Warns that a server is silent; one of the requests that wait for it does so for all.
    fn tell_silence(&self, index: usize) {
        let now = Instant::now();
        let silence = {
            let member = &mut self.lock().members[index];
            if member.silence_is_due(self.limits.stall) > now {
                return;
            }
            member.told = Some(now);
            member.silence(self.servers[index].url(), now, self.limits.stall)
        };
        if let Some(silence) = silence {
            tracing::warn!("waiting for {silence}");
        }
    }

    /// Ends a request. Returns how many of the server's requests have failed in a row.
    fn give_back(&self, place: &Place, error: Option<&CallError>) -> u32 {
        let mut state = self.lock();
        let member = &mut state.members[place.index];
        // What was under way when a server was left out fails with it, and shows nothing new.
        let counts = member.epoch == place.epoch;
        member.end(place.clock, error, counts);
        let failures = member.failures;
        if failures >= self.limits.failures && member.leave_out() {
            let url = self.servers[place.index].url();
            tracing::warn!(url, "left out until it has taken a push");
        }
        if let Some(error) = error {
            state.failed += u32::from(counts);
            state.last_failure = error.to_string();
        }
        drop(state);
        self.changed.notify_waiters();
        failures
    }

    fn check_budget(&self) -> Result<()> {
        let state = self.lock();
        if state.failed > self.limits.budget {
            let (failed, last) = (state.failed, &state.last_failure);
            bail!(
                "{failed} rollout requests failed since the last push of weights; the last: {last}\n\
                 hint: look at the servers' logs; [server] error_budget allows more"
            );
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong if a response was sampled with other weights than those asked for.
fn foreign_label(sampled: &[Sampled], version: WeightVersion) -> Option<String> {
    let expected = version.to_string();
    let mut labels = sampled.iter().flat_map(|response| &response.labels);
    let foreign = labels.find(|label| **label != expected)?;
    Some(format!("it sampled with version `{foreign}`, version {version} was pushed to it"))
}

#[cfg(test)]
mod tests;
