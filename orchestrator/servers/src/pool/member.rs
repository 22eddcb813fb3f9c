//! The state of one server in the pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use retrial_protocol::{PublishReport, PushOutcome, ServerHealth, Silence, WeightVersion};

use crate::error::{CallError, Trouble};
use crate::retry::{Pauses, Policy};

/// A server as the pool sees it.
#[derive(Debug)]
pub(super) struct Member {
    /// The servers it stands for: it serves a version once all of them accepted the push.
    pub pushed_at: Vec<String>,
    /// Requests in flight.
    pub in_flight: usize,
    /// The version that it serves; none while it is excluded.
    pub version: Option<WeightVersion>,
    /// The name of the adapter on the server, if the version is one.
    pub adapter: Option<Arc<str>>,
    /// Consecutive failed requests.
    pub failures: u32,
    /// Incremented when it is excluded or pushed to: earlier requests say nothing about it then.
    pub epoch: u64,
    /// The retry policy, with the pauses since the last good answer.
    policy: Policy,
    pauses: Pauses,
    /// It is paused until then, because it was unreachable.
    rests_until: Instant,
    rested_at: Instant,
    /// Time of the last answer while requests were in flight, or start of the first of them.
    heard: Instant,
    /// When its silence was last reported.
    pub told: Option<Instant>,
    /// Counts of finished and failed requests, and their durations.
    requests: u64,
    failed: u64,
    taken: Duration,
    worst: Duration,
}

/// The result of a push to a server.
pub(super) enum Taken {
    /// It serves the version, as this adapter if it is one.
    All { adapter: Option<Arc<str>> },
    /// It does not, or one of its workers does not.
    Not { error: String },
    /// The report does not mention it.
    Unknown,
}

impl Member {
    /// A server in an unknown state, with a retry policy.
    pub fn new(url: &str, policy: Policy) -> Self {
        let now = Instant::now();
        Self {
            pushed_at: vec![url.to_owned()],
            in_flight: 0,
            version: None,
            adapter: None,
            failures: 0,
            epoch: 0,
            policy,
            pauses: policy.pauses(),
            rests_until: now,
            rested_at: now,
            heard: now,
            told: None,
            requests: 0,
            failed: 0,
            taken: Duration::ZERO,
            worst: Duration::ZERO,
        }
    }

    /// Excludes it until it accepts a push. Returns whether it was included.
    pub fn leave_out(&mut self) -> bool {
        let served = self.version.take().is_some();
        self.epoch += u64::from(served);
        served
    }

    /// The result of a push.
    pub fn taken(&self, report: &PublishReport) -> Taken {
        let mut adapter = None;
        for url in &self.pushed_at {
            match report.servers.iter().find(|push| push.url == *url) {
                None => return Taken::Unknown,
                Some(push) => match &push.outcome {
                    PushOutcome::Verified { .. } => adapter = push.adapter.as_deref(),
                    PushOutcome::Unreachable { error }
                    | PushOutcome::Refused { error }
                    | PushOutcome::Mismatched { error } => {
                        return Taken::Not { error: error.clone() };
                    }
                },
            }
        }
        Taken::All { adapter: adapter.map(Arc::from) }
    }

    /// Resets its failures and its version.
    pub fn start_anew(&mut self) {
        self.version = None;
        self.failures = 0;
        self.epoch += 1;
    }

    /// Sets the retry policy.
    pub fn wait_by(&mut self, policy: Policy) {
        self.policy = policy;
        self.pauses = policy.pauses();
    }

    /// The time until which it is paused.
    pub fn rests(&self, now: Instant) -> Option<Instant> {
        (self.rests_until > now).then_some(self.rests_until)
    }

    /// Records that it is unreachable. Of all requests that fail at the same time only the first counts.
    /// Returns how long it has been waited for once patience is exhausted.
    pub fn rest(&mut self, began: Instant, error: &CallError) -> Option<Duration> {
        let now = Instant::now();
        if began < self.rested_at {
            return None;
        }
        match self.pauses.after(error, now - began) {
            Some(pause) => {
                (self.rested_at, self.rests_until) = (now, now + pause);
                None
            }
            None => Some(self.pauses.waited()),
        }
    }

    /// Resets the waiting time: it has answered, or has new weights.
    pub fn is_back(&mut self) {
        self.pauses = self.policy.pauses();
    }

    /// Records the start of a request. Returns its epoch.
    pub fn begin(&mut self, now: Instant) -> u64 {
        if self.in_flight == 0 {
            self.heard_of(now);
        }
        self.in_flight += 1;
        self.epoch
    }

    /// Records the end of a request whose answer is no longer needed.
    pub fn drop_request(&mut self) {
        self.in_flight -= 1;
    }

    /// Records the end of a request that began at `clock`, and whether it is a failure.
    /// A server that asks to be called later has not failed: it is waited for.
    pub fn end(&mut self, clock: Instant, error: Option<&CallError>, counts: bool) {
        self.in_flight -= 1;
        let took = clock.elapsed();
        self.requests += 1;
        self.failed += u64::from(error.is_some());
        self.taken += took;
        self.worst = self.worst.max(took);
        match error {
            None if counts => self.failures = 0,
            Some(error) if counts && (error.is_silence() || error.trouble() == Trouble::Wrong) => {
                self.failures += 1;
            }
            _ => {}
        }
        // A cancelled request says nothing about the server.
        if !error.is_some_and(CallError::is_silence) {
            self.heard_of(Instant::now());
        }
        if error.is_none() {
            self.is_back();
        }
    }

    fn heard_of(&mut self, now: Instant) {
        self.heard = now;
        self.told = None;
    }

    /// When its silence will be long enough to report, possibly again.
    pub fn silence_is_due(&self, stall: Duration) -> Instant {
        self.told.unwrap_or(self.heard) + stall
    }

    /// Its silence, if it has lasted for `stall`.
    pub fn silence(&self, url: &str, now: Instant, stall: Duration) -> Option<Silence> {
        let lasting = now.duration_since(self.heard);
        let silent = self.in_flight > 0 && lasting >= stall;
        silent.then(|| Silence { url: url.into(), in_flight: self.in_flight, lasting })
    }

    /// Its state, for the dashboard.
    pub fn health(&self, url: &str) -> ServerHealth {
        let any = self.requests > 0;
        ServerHealth {
            url: url.into(),
            version: self.version.map(|version| version.0),
            in_flight: self.in_flight,
            requests: self.requests,
            failed: self.failed,
            mean_seconds: any.then(|| self.taken.as_secs_f64() / self.requests as f64),
            worst_seconds: any.then_some(self.worst.as_secs_f64()),
        }
    }
}
