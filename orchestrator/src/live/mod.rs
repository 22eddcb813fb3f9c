//! What a run shares with its dashboard in memory: what it is doing at this moment, how its servers
//! fare, its last warnings.
//!
//! All of this is lost with the process and none of it decides a result. Everything else that the
//! dashboard shows is read from the log.

mod control;
mod recent;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use retrial_protocol::Step;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::domain::Trial;
use crate::server::{Pool, ServerHealth, Silence};

pub use control::{Control, WISHES, Wish, Wishes};
pub use recent::{Notice, Recent};

/// Without any progress for this long, and for several times as long as the phase ever took, a run
/// counts as stalled.
const STALLED_AFTER: Duration = Duration::from_mins(2);
const STALLED_TIMES: u32 = 3;

/// What a run does at a moment. With a staleness of one it does two things at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Rollouts and grades of the first trial.
    FirstTrial,
    /// Rollouts and grades of the second trial.
    SecondTrial,
    /// The update.
    Train,
    /// The push of the weights and its verification.
    Publish,
    /// A held-out evaluation.
    Evaluate,
}

/// What a run shares.
#[derive(Debug)]
pub struct Live {
    run: String,
    steps: u64,
    pool: Arc<Pool>,
    recent: Recent,
    control: Control,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// What is going on, by the order in which it began.
    activities: BTreeMap<u64, Doing>,
    timings: BTreeMap<Phase, Timing>,
    /// What the run waits for, and since when.
    waiting: Option<(String, Instant)>,
    /// Since when it is paused.
    paused: Option<Instant>,
    /// Whether the run has ended.
    ended: bool,
    /// When anything was last seen to go on.
    progress: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Doing {
    phase: Phase,
    step: Step,
    since: Instant,
    done: usize,
    total: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    count: u32,
    sum: Duration,
    worst: Duration,
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

/// What a run does, in words and numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// The run's name.
    pub run: String,
    /// Steps that the run was asked for.
    pub steps: u64,
    /// How the run is.
    pub status: Status,
    /// What it is doing, the oldest first.
    pub activities: Vec<ActivityNow>,
    /// How long each phase took in this process.
    pub phases: Vec<PhaseTiming>,
    /// What was asked of it and is not done yet.
    pub wishes: Wishes,
    /// The policy servers.
    pub servers: Vec<ServerHealth>,
    /// The last warnings and errors, the latest first.
    pub notices: Vec<Notice>,
}

/// How a run is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum Status {
    /// It makes progress.
    Running,
    /// It was asked to wait.
    Paused {
        /// For how long.
        seconds: f64,
    },
    /// It cannot go on without something.
    Waiting {
        /// What it waits for, and why.
        what: String,
        /// For how long.
        seconds: f64,
    },
    /// Nothing was seen to happen for unusually long.
    Stalled {
        /// For how long.
        seconds: f64,
    },
    /// It has ended; its dashboard goes on.
    Ended,
}

/// Something that is going on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivityNow {
    /// What.
    pub phase: Phase,
    /// Of which step; of an evaluation: the version.
    pub step: u64,
    /// For how long.
    pub seconds: f64,
    /// Groups that are done; 0 of 0 where nothing is counted.
    pub done: usize,
    /// Groups in all.
    pub total: usize,
}

/// How long a phase took.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhaseTiming {
    /// The phase.
    pub phase: Phase,
    /// How often it ended.
    pub count: u32,
    /// Mean seconds.
    pub mean_seconds: f64,
    /// Most seconds.
    pub worst_seconds: f64,
}

impl Live {
    /// What a run of `steps` steps shares. Its warnings are taken from `recent`.
    pub fn new(run: &str, steps: u64, pool: Arc<Pool>, recent: Recent) -> Self {
        let (changes, _) = watch::channel(0);
        Self {
            run: run.into(),
            steps,
            pool,
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
    pub fn ask(&self, wish: Wish) {
        self.control.ask(wish);
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
        let servers = self.pool.health();
        let notices = self.recent.latest_first();
        let silent = self.pool.silent();
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
            wishes: self.control.wishes(),
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

impl State {
    fn status(&self, now: Instant, silent: &[Silence]) -> Status {
        if self.ended {
            return Status::Ended;
        }
        if let Some(since) = self.paused {
            return Status::Paused { seconds: now.duration_since(since).as_secs_f64() };
        }
        if let Some((what, since)) = &self.waiting {
            let seconds = now.duration_since(*since).as_secs_f64();
            return Status::Waiting { what: what.clone(), seconds };
        }
        if let Some(longest) = silent.iter().map(|silence| silence.lasting).max() {
            let what = silent.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Status::Waiting { what, seconds: longest.as_secs_f64() };
        }
        let Some(progress) = self.progress else { return Status::Running };
        let still = now.duration_since(progress);
        let usual = self
            .activities
            .values()
            .filter_map(|doing| self.timings.get(&doing.phase))
            .map(|timing| timing.worst * STALLED_TIMES)
            .max();
        if still > STALLED_AFTER.max(usual.unwrap_or_default()) {
            return Status::Stalled { seconds: still.as_secs_f64() };
        }
        Status::Running
    }
}

impl Doing {
    fn at(&self, now: Instant) -> ActivityNow {
        ActivityNow {
            phase: self.phase,
            step: self.step.0,
            seconds: now.duration_since(self.since).as_secs_f64(),
            done: self.done,
            total: self.total,
        }
    }
}

impl Timing {
    fn of(&self, phase: Phase) -> PhaseTiming {
        PhaseTiming {
            phase,
            count: self.count,
            mean_seconds: self.sum.as_secs_f64() / f64::from(self.count.max(1)),
            worst_seconds: self.worst.as_secs_f64(),
        }
    }
}

impl Activity<'_> {
    /// Notes that so many parts are done.
    pub fn at(&self, done: usize) {
        let mut state = self.live.lock();
        if let Some(doing) = state.activities.get_mut(&self.key) {
            doing.done = done;
        }
        state.progress = Some(Instant::now());
        drop(state);
        self.live.changed();
    }

    /// Notes that there is one more part to do than was known.
    pub fn expect_part(&self) {
        let mut state = self.live.lock();
        if let Some(doing) = state.activities.get_mut(&self.key) {
            doing.total += 1;
        }
        drop(state);
        self.live.changed();
    }

    /// Notes that one more part is done.
    pub fn part_done(&self) {
        let mut state = self.live.lock();
        if let Some(doing) = state.activities.get_mut(&self.key) {
            doing.done += 1;
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

impl Phase {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstTrial => "first trial",
            Self::SecondTrial => "second trial",
            Self::Train => "train",
            Self::Publish => "push",
            Self::Evaluate => "evaluation",
        }
    }
}

impl From<Trial> for Phase {
    fn from(trial: Trial) -> Self {
        match trial {
            Trial::First => Self::FirstTrial,
            Trial::Second => Self::SecondTrial,
        }
    }
}

#[cfg(test)]
mod tests;
