//! The servers of a pool and their state.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use retrial_protocol::{PublishReport, ServerHealth, Silence, WeightVersion};
use tokio::sync::Notify;

use super::member::{Member, Taken};
use crate::arrival::Oddities;
use crate::retry::Policy;
use crate::sample::PolicyServer;

/// Default time to wait for an unreachable server.
const PATIENCE: Duration = Duration::from_mins(10);

/// Limits of the pool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests in flight to each server.
    pub concurrency: usize,
    /// Consecutive failed requests after which a server is excluded.
    pub failures: u32,
    /// Failed requests of all servers between two pushes, after which the run stops.
    pub budget: u32,
    /// Pause after a failure of a server; it doubles each time.
    pub pause: Duration,
    /// Silence with requests in flight after which a server is reported as stalled.
    pub stall: Duration,
}

/// Servers that share the rollouts.
#[derive(Debug)]
pub struct Pool {
    pub(super) servers: Vec<Box<dyn PolicyServer>>,
    pub(super) limits: Limits,
    /// Whether the servers serve what was pushed to them, and must report it.
    pub(super) pushes: bool,
    /// Size of the vocabulary, once it is known.
    pub(super) vocabulary: OnceLock<usize>,
    pub(super) state: Mutex<State>,
    pub(super) changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    /// One member for each server.
    pub(super) members: Vec<Member>,
    /// The version that was pushed last.
    pub(super) version: Option<WeightVersion>,
    /// Failed requests since the first push of that version, and the last error.
    pub(super) failed: u32,
    pub(super) last_failure: String,
    /// Implausible log-probabilities, and whether they were reported.
    pub(super) oddities: Oddities,
    pub(super) told_of_oddities: bool,
}

impl Limits {
    fn policy(&self, patience: Duration) -> Policy {
        // Wrong answers have a budget of their own.
        Policy { first: self.pause, wrong: u32::MAX, ..Policy::waiting(patience) }
    }
}

impl Pool {
    /// A pool of servers whose versions are unknown.
    pub fn new(servers: Vec<Box<dyn PolicyServer>>, limits: Limits) -> Self {
        let policy = limits.policy(PATIENCE);
        let state = State {
            members: servers.iter().map(|server| Member::new(server.url(), policy)).collect(),
            version: None,
            failed: 0,
            last_failure: "none has accepted a push yet".into(),
            oddities: Oddities::default(),
            told_of_oddities: false,
        };
        Self {
            servers,
            limits,
            pushes: true,
            vocabulary: OnceLock::new(),
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Sets how long to wait for unreachable servers.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        let policy = self.limits.policy(patience);
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.members.iter_mut().for_each(|member| member.wait_by(policy));
        self
    }

    /// The only server of the pool is a router in front of these workers, to which weights are pushed: it serves
    /// a version once all of them do.
    #[must_use]
    pub fn behind_router(mut self, workers: Vec<String>) -> Self {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let ([router], false) = (&mut state.members[..], workers.is_empty()) {
            router.pushed_at = workers;
        }
        self
    }

    /// Rejects responses with token ids outside the vocabulary.
    pub fn expect_vocabulary(&self, size: usize) {
        // The vocabulary of a run does not change.
        let _ = self.vocabulary.set(size);
    }

    /// A pool of servers with fixed weights: nothing is
    /// pushed, all of them count as serving `version`, and their labels are ignored.
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

    /// Records the result of a push: the servers that accepted it serve its version, the others nothing.
    /// Returns how many serve it.
    pub fn pushed(&self, report: &PublishReport) -> usize {
        let mut state = self.lock();
        // Servers that rejoin with the same version do not get a new budget: one that
        // accepts every push and then fails would be retried for ever.
        if state.version.replace(report.version) != Some(report.version) {
            state.failed = 0;
            state.members.iter_mut().for_each(Member::is_back);
        }
        let mut serving = 0;
        for index in 0..self.servers.len() {
            let outcome = state.members[index].taken(report);
            state.members[index].start_anew();
            match outcome {
                Taken::All { adapter } => {
                    state.members[index].version = Some(report.version);
                    state.members[index].adapter = adapter;
                    serving += 1;
                }
                Taken::Not { error } => state.last_failure = error,
                Taken::Unknown => {}
            }
        }
        drop(state);
        self.changed.notify_waiters();
        serving
    }

    /// The servers that serve `version`, and their adapters of it.
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

    /// The version that any server serves.
    pub fn served(&self) -> Option<WeightVersion> {
        self.lock().members.iter().find_map(|member| member.version)
    }

    /// Resets the count of failed requests: their cause is known and fixed.
    pub fn forgive(&self) {
        self.lock().failed = 0;
    }

    /// The last failure of a request or a push.
    pub fn last_failure(&self) -> String {
        self.lock().last_failure.clone()
    }

    /// The state of each server.
    pub fn health(&self) -> Vec<ServerHealth> {
        let state = self.lock();
        let pairs = self.servers.iter().zip(&state.members);
        pairs.map(|(server, member)| member.health(server.url())).collect()
    }

    /// Stalled servers: requests are in flight, but nothing has arrived for long.
    pub fn silent(&self) -> Vec<Silence> {
        let state = self.lock();
        let now = Instant::now();
        let pairs = self.servers.iter().zip(&state.members);
        pairs
            .filter_map(|(server, member)| member.silence(server.url(), now, self.limits.stall))
            .collect()
    }

    /// Implausible log-probabilities so far.
    pub fn oddities(&self) -> Oddities {
        self.lock().oddities
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
