//! The shared state of a run, and the guards that update it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use retrial_protocol::{ServerHealth, Silence, Step};
use tokio::sync::watch;

use crate::control::{Command, Control};
use crate::recent::Recent;
use crate::snapshot::{Phase, Snapshot};
use crate::state::{Doing, State};

/// A source of the policy servers' state.
pub trait ServerSource: Debug + Send + Sync {
    /// The state of each server.
    fn health(&self) -> Vec<ServerHealth>;

    /// Stalled servers: requests are in flight, but nothing has arrived for long.
    fn silent(&self) -> Vec<Silence>;
}

/// The shared state of a run.
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

/// An activity; it ends when this is dropped.
#[derive(Debug)]
pub struct Activity<'a> {
    live: &'a Live,
    key: u64,
}

/// A paused run; it continues when this is dropped.
#[derive(Debug)]
pub struct Pause<'a>(&'a Live);

impl Live {
    /// The shared state of a run of `steps` steps. Its warnings come from `recent`.
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

    /// The pending commands.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Sends the run a command.
    pub fn ask(&self, command: Command) {
        self.control.ask(command);
        self.changed();
    }

    /// Records that the run is paused.
    pub fn pause(&self) -> Pause<'_> {
        self.lock().paused = Some(Instant::now());
        self.changed();
        Pause(self)
    }

    /// Records that the run has ended.
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

    /// Steps of the run.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Records the start of an activity with `total` parts.
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

    /// Records what the run waits for; `None` once it continues.
    pub fn waiting(&self, what: Option<String>) {
        let mut state = self.lock();
        let since = state.waiting.take().map_or_else(Instant::now, |(_, since)| since);
        state.waiting = what.map(|what| (what, since));
        state.progress = Some(Instant::now());
        drop(state);
        self.changed();
    }

    /// A counter that grows with every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A snapshot of the current state.
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
        // No code panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity<'_> {
    /// Records that this many parts are done.
    pub fn at(&self, done: usize) {
        self.update(|doing| doing.done = done);
    }

    /// Records one additional part.
    pub fn expect_part(&self) {
        self.update(|doing| doing.total += 1);
    }

    /// Records that one more part is done.
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
