//! The status of a run, for the header of its pages.

use retrial_live::{ActivityNow, Snapshot, Status};
use retrial_report::format::{now, roughly};
use retrial_store::{LastProcess, ProcessOutcome, RunNumbers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::host;

/// A run whose log has not changed for this long is not assumed to run.
const FRESH_SECONDS: f64 = 60.0;

/// The status of a run, from its log and, if this process trains it, from its current activity.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunStatus {
    /// The run.
    pub run: String,
    /// The status, in a few words.
    pub word: String,
    /// Kind of status.
    pub tone: Tone,
    /// Whether this process trains it.
    pub live: bool,
    /// The current step, or the last one.
    pub step: u64,
    /// Total steps, if known.
    pub steps: Option<u64>,
    /// The current activity.
    pub activities: Vec<ActivityNow>,
    /// The last version that was served.
    pub weight_version: u64,
    /// Estimated seconds to the end, from the last steps.
    pub eta_seconds: Option<f64>,
    /// Sampled tokens a second of rollouts, over the last steps.
    pub tokens_per_second: Option<f64>,
    /// Seconds since the log changed.
    pub last_change_seconds: f64,
}

/// Kinds of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// It makes progress.
    Good,
    /// It waits for something or someone.
    Waiting,
    /// Something is wrong.
    Bad,
    /// It has ended, or another process trains it.
    Quiet,
}

impl Tone {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

impl RunStatus {
    /// The status of a run. `live` is the state of the run that this process trains, whichever it is.
    pub fn of(
        run: &str,
        numbers: &RunNumbers,
        process: Option<&LastProcess>,
        live: Option<&Snapshot>,
    ) -> Self {
        let live = live.filter(|live| live.run == run);
        let age = numbers.changed.map_or(0.0, |changed| (now() - changed).max(0.0));
        let (word, tone) = word(process, live, age);
        let steps = live.map(|live| live.steps);
        // A run that has ended no longer trains, though its process still has its state.
        let trains = live.is_some_and(|live| live.status != Status::Ended);
        let left = steps.map(|steps| steps.saturating_sub(numbers.committed));
        Self {
            run: run.into(),
            word,
            tone,
            live: trains,
            step: numbers.begun.unwrap_or_default().max(numbers.committed),
            steps,
            activities: live.map(|live| live.activities.clone()).unwrap_or_default(),
            weight_version: numbers.version.unwrap_or_default(),
            eta_seconds: left.zip(numbers.step_seconds).map(|(left, each)| left as f64 * each),
            tokens_per_second: numbers.tokens_per_second,
            last_change_seconds: age,
        }
    }
}

/// The status of a run. `live` is the state of this run, if this process trains it; `age` is the time since
/// the last entry in the log, seconds.
pub fn word(process: Option<&LastProcess>, live: Option<&Snapshot>, age: f64) -> (String, Tone) {
    // Once the run of this process has ended, the log says how.
    let going_on = live.filter(|live| live.status != Status::Ended);
    going_on.map_or_else(|| logged_word(process, age), live_word)
}

fn live_word(live: &Snapshot) -> (String, Tone) {
    match &live.status {
        Status::Running if live.pending.stop => ("stops after this step".into(), Tone::Waiting),
        Status::Running if live.pending.pause => ("pauses after this step".into(), Tone::Waiting),
        Status::Running => ("running".into(), Tone::Good),
        Status::Paused { seconds } => (format!("paused {}", roughly(*seconds)), Tone::Waiting),
        Status::Waiting { what, seconds } => {
            (format!("waiting {} for {what}", roughly(*seconds)), Tone::Waiting)
        }
        Status::Stalled { seconds } => (format!("stalled {}", roughly(*seconds)), Tone::Bad),
        Status::Ended => ("ended".into(), Tone::Quiet),
    }
}

/// The status of a run of another process, from the log's record of its last process.
fn logged_word(process: Option<&LastProcess>, age: f64) -> (String, Tone) {
    let Some(process) = process else {
        // The log is older than its table of processes.
        return (format!("last entry {} ago", roughly(age)), Tone::Quiet);
    };
    let reason = process.reason.as_deref().unwrap_or_default();
    match process.outcome {
        Some(ProcessOutcome::Finished) => ("finished".into(), Tone::Quiet),
        Some(ProcessOutcome::Stopped) => (format!("stopped by {reason}"), Tone::Quiet),
        Some(ProcessOutcome::Failed) => {
            (format!("failed: {}", reason.lines().next().unwrap_or_default()), Tone::Bad)
        }
        None => match host::is_alive(&process.host, process.pid) {
            Some(true) => ("running in another process".into(), Tone::Good),
            Some(false) => ("killed; continue with --resume".into(), Tone::Bad),
            None if age < FRESH_SECONDS => (format!("running on {}", process.host), Tone::Good),
            None => {
                let (host, age) = (&process.host, roughly(age));
                (format!("silent for {age} on {host}"), Tone::Waiting)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(host: &str, pid: u32, outcome: Option<ProcessOutcome>, reason: &str) -> LastProcess {
        LastProcess {
            run: "one".into(),
            host: host.into(),
            pid: pid.into(),
            started_at: "2026-01-01T00:00:00.000Z".into(),
            ended_at: outcome.map(|_| "2026-01-01T00:00:09.000Z".into()),
            outcome,
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
        }
    }

    #[test]
    fn a_run_that_this_process_does_not_train_is_described_by_its_last_process() {
        let here = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // A process with this number exists, but it is another program.
        let other = std::process::id();
        let cases = [
            (process("a", 1, Some(ProcessOutcome::Finished), ""), 5.0, "finished", Tone::Quiet),
            (
                process("a", 1, Some(ProcessOutcome::Stopped), "the dashboard"),
                5.0,
                "stopped by the dashboard",
                Tone::Quiet,
            ),
            (
                process("a", 1, Some(ProcessOutcome::Failed), "the disk is full\nhint: more"),
                5.0,
                "failed: the disk is full",
                Tone::Bad,
            ),
            (process(&here, other, None, ""), 5.0, "killed; continue with --resume", Tone::Bad),
            (process("another", 1, None, ""), 5.0, "running on another", Tone::Good),
            (process("another", 1, None, ""), 7200.0, "silent for 2 h on another", Tone::Waiting),
        ];
        for (process, age, expected, tone) in cases {
            assert_eq!(word(Some(&process), None, age), (expected.into(), tone), "{process:?}");
        }
        assert_eq!(word(None, None, 7200.0), ("last entry 2 h ago".into(), Tone::Quiet));
    }
}
