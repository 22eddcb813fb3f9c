//! The state of a run, and the status that follows from it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use retrial_protocol::{Silence, Step};

use crate::snapshot::{ActivityNow, Phase, PhaseTiming, Status};

/// A run counts as stalled without any progress for this long, and for several times the longest duration
/// of the phase.
const STALLED_AFTER: Duration = Duration::from_mins(2);
const STALLED_TIMES: u32 = 3;

/// The state of a run.
#[derive(Debug, Default)]
pub struct State {
    pub next: u64,
    /// Activities, by the order in which they began.
    pub activities: BTreeMap<u64, Doing>,
    pub timings: BTreeMap<Phase, Timing>,
    /// What the run waits for, and since when.
    pub waiting: Option<(String, Instant)>,
    /// Start of a pause.
    pub paused: Option<Instant>,
    /// Whether the run has ended.
    pub ended: bool,
    /// Time of the last progress.
    pub progress: Option<Instant>,
}

/// An activity.
#[derive(Clone, Debug)]
pub struct Doing {
    pub phase: Phase,
    pub step: Step,
    pub since: Instant,
    pub done: usize,
    pub total: usize,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    pub count: u32,
    pub sum: Duration,
    pub worst: Duration,
}

impl State {
    /// The status.
    pub fn status(&self, now: Instant, silent: &[Silence]) -> Status {
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
    /// A snapshot at a time.
    pub fn at(&self, now: Instant) -> ActivityNow {
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
    /// The durations of a phase.
    pub fn of(&self, phase: Phase) -> PhaseTiming {
        PhaseTiming {
            phase,
            count: self.count,
            mean_seconds: self.sum.as_secs_f64() / f64::from(self.count.max(1)),
            worst_seconds: self.worst.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests;
