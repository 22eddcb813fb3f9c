//! What a run shares, and the guards by which it notes what goes on.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use retrial_protocol::{ServerHealth, Silence, Step};
use tokio::sync::watch;

use crate::control::{Command, Control};
use crate::recent::Recent;
use crate::snapshot::{Phase, Snapshot};
use crate::state::{Doing, State};

/// Who knows how the policy servers fare.
pub trait ServerSource: Debug + Send + Sync {
    /// Each server.
    fn health(&self) -> Vec<ServerHealth>;

    /// The servers that requests are in flight to and that have been silent for long.
    fn silent(&self) -> Vec<Silence>;
}

/// What a run shares.
#[derive(Debug)]
pub struct Live {
    run: String,
    steps: u64,
    servers: Arc<dyn ServerSource>,
    recent: Recent,
    control: Control,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

/// Something that is going on; it is over when this is dropped.
#[derive(Debug)]
pub struct Activity<'a> {
    live: &'a Live,
    key: u64,
}

/// A run that is paused; it goes on when this is dropped.
#[derive(Debug)]
pub struct Pause<'a>(&'a Live);

impl Live {
    /// What a run of `steps` steps shares. Its warnings are taken from `recent`.
    pub fn new(
        run: &str,
        steps: u64,
        servers: Arc<impl ServerSource + 'static>,
        recent: Recent,
    ) -> Self {
        let (changes, _) = watch::channel(0);
        Self {
            run: run.into(),
            steps,
            servers,
            recent,
            control: Control::default(),
            state: Mutex::default(),
            changes,
        }
    }

    /// What a person has asked of the run.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Asks something of the run.
    pub fn ask(&self, command: Command) {
        self.control.ask(command);
        self.changed();
    }

    /// Notes that the run is paused.
    pub fn pause(&self) -> Pause<'_> {
        self.lock().paused = Some(Instant::now());
        self.changed();
        Pause(self)
    }

    /// Notes that the run has ended.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed();
    }

    /// Whether the run has ended.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// The run's name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Steps that the run was asked for.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Notes that something of `total` parts begins.
    pub fn enter(&self, step: Step, phase: Phase, total: usize) -> Activity<'_> {
        let mut state = self.lock();
        let key = state.next;
        state.next += 1;
        let since = Instant::now();
        state.activities.insert(key, Doing { phase, step, since, done: 0, total });
        state.progress = Some(since);
        drop(state);
        self.recent.at_step(step);
        self.changed();
        Activity { live: self, key }
    }

    /// Notes what the run cannot go on without; `None` once it goes on.
    pub fn waiting(&self, what: Option<String>) {
        let mut state = self.lock();
        let since = state.waiting.take().map_or_else(Instant::now, |(_, since)| since);
        state.waiting = what.map(|what| (what, since));
        state.progress = Some(Instant::now());
        drop(state);
        self.changed();
    }

    /// Sees every change: a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What the run does now.
    pub fn snapshot(&self) -> Snapshot {
        let servers = self.servers.health();
        let notices = self.recent.latest_first();
        let silent = self.servers.silent();
        let state = self.lock();
        let now = Instant::now();
        let activities = state.activities.values().map(|doing| doing.at(now)).collect();
        let phases = state.timings.iter().map(|(&phase, timing)| timing.of(phase)).collect();
        Snapshot {
            run: self.run.clone(),
            steps: self.steps,
            status: state.status(now, &silent),
            activities,
            phases,
            pending: self.control.pending(),
            servers,
            notices,
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity<'_> {
    /// Notes that so many parts are done.
    pub fn at(&self, done: usize) {
        self.update(|doing| doing.done = done);
    }

    /// Notes that there is one more part to do than was known.
    pub fn expect_part(&self) {
        self.update(|doing| doing.total += 1);
    }

    /// Notes that one more part is done.
    pub fn part_done(&self) {
        self.update(|doing| doing.done += 1);
    }

    fn update(&self, change: impl FnOnce(&mut Doing)) {
        let mut state = self.live.lock();
        if let Some(doing) = state.activities.get_mut(&self.key) {
            change(doing);
        }
        state.progress = Some(Instant::now());
        drop(state);
        self.live.changed();
    }
}

impl Drop for Activity<'_> {
    fn drop(&mut self) {
        let mut state = self.live.lock();
        let now = Instant::now();
        if let Some(doing) = state.activities.remove(&self.key) {
            let took = now.duration_since(doing.since);
            let timing = state.timings.entry(doing.phase).or_default();
            timing.count += 1;
            timing.sum += took;
            timing.worst = timing.worst.max(took);
        }
        state.progress = Some(now);
        drop(state);
        self.live.changed();
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.paused = None;
        state.progress = Some(Instant::now());
        drop(state);
        self.0.changed();
    }
}

#[cfg(test)]
mod tests;
