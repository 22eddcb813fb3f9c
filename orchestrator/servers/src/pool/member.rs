//! What the pool knows of one server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use retrial_protocol::{PublishReport, PushOutcome, ServerHealth, Silence, WeightVersion};

use crate::error::{CallError, Trouble};
use crate::retry::{Pauses, Policy};

/// A server as the pool sees it.
#[derive(Debug)]
pub(super) struct Member {
    /// Where pushes to it go: it serves what all of them have taken.
    pub pushed_at: Vec<String>,
    /// Requests under way.
    pub in_flight: usize,
    /// The version that it was seen to serve; none while it is left out.
    pub version: Option<WeightVersion>,
    /// The adapter that this version is, by its name on the server.
    pub adapter: Option<Arc<str>>,
    /// Failed requests in a row.
    pub failures: u32,
    /// Grows whenever it is left out or gets a push: what went before tells nothing of it then.
    pub epoch: u64,
    /// How it is waited for; the pauses since it was last heard of soundly.
    policy: Policy,
    pauses: Pauses,
    /// It gets no request before this, because it is away.
    rests_until: Instant,
    rested_at: Instant,
    /// When it was last heard of while requests were under way, or the first of them began.
    heard: Instant,
    /// When its present silence was last told of.
    pub told: Option<Instant>,
    /// Requests that ended, those that failed among them, and what they took.
    requests: u64,
    failed: u64,
    taken: Duration,
    worst: Duration,
}

/// What came of a push to a server.
pub(super) enum Taken {
    /// It serves the version; the adapter that it is there.
    All { adapter: Option<Arc<str>> },
    /// It does not, or one of the workers behind it does not.
    Not { error: String },
    /// The report does not say.
    Unknown,
}

impl Member {
    /// One that nothing is known of, and that is waited for as `policy` says.
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

    /// Leaves it out until it has taken a push. Says whether it was not already.
    pub fn leave_out(&mut self) -> bool {
        let served = self.version.take().is_some();
        self.epoch += u64::from(served);
        served
    }

    /// What came of a push.
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

    /// Forgets its failures, and what it serves.
    pub fn start_anew(&mut self) {
        self.version = None;
        self.failures = 0;
        self.epoch += 1;
    }

    /// Waits for it as another policy says.
    pub fn wait_by(&mut self, policy: Policy) {
        self.policy = policy;
        self.pauses = policy.pauses();
    }

    /// Until when it gets no request.
    pub fn rests(&self, now: Instant) -> Option<Instant> {
        (self.rests_until > now).then_some(self.rests_until)
    }

    /// Notes that it is away. Of all requests that fail with it the first one counts, so that many at
    /// once are one failure. Returns how long it has been waited for once patience has ended.
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

    /// Forgets how long it has been waited for: it has answered, or got new weights.
    pub fn is_back(&mut self) {
        self.pauses = self.policy.pauses();
    }

    /// Notes that a request begins. Returns the epoch it belongs to.
    pub fn begin(&mut self, now: Instant) -> u64 {
        if self.in_flight == 0 {
            self.heard_of(now);
        }
        self.in_flight += 1;
        self.epoch
    }

    /// Notes that a request ends of which nobody waits for the answer any more.
    pub fn drop_request(&mut self) {
        self.in_flight -= 1;
    }

    /// Notes that a request that began at `clock` ends, and whether that counts among the failures
    /// in a row. One that is told to come back later has not failed: it is waited for.
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
        // A request that is given up says nothing of the server.
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

    /// When its silence will have lasted long enough to be told of, again if it was already.
    pub fn silence_is_due(&self, stall: Duration) -> Instant {
        self.told.unwrap_or(self.heard) + stall
    }

    /// Its silence, if it has lasted for `stall`.
    pub fn silence(&self, url: &str, now: Instant, stall: Duration) -> Option<Silence> {
        let lasting = now.duration_since(self.heard);
        let silent = self.in_flight > 0 && lasting >= stall;
        silent.then(|| Silence { url: url.into(), in_flight: self.in_flight, lasting })
    }

    /// How it fares.
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
