//! What a run stands on: its process, servers, verifiers, the disk; and what it has warned of.

use retrial_protocol::{Metric, PanelKey};

use super::entry::{Attention, Facts, Severity, Trouble};
use super::recent::{STEPS, sum};
use crate::format::number;
use crate::link;

mod verifiers;

pub use verifiers::{verifier, verifiers_disagree};

/// Time to make room on a disk, hours: a night.
const DISK_HOURS: f64 = 12.0;
/// Below this it is urgent, hours.
const DISK_URGENT: f64 = 2.0;
/// Steps over which the growth of the log is measured.
const GROWTH_STEPS: usize = 10;

/// The run has failed, was killed, or stands still.
pub fn ended(facts: &Facts<'_>) -> Option<Attention> {
    let why = facts.ended?;
    Some(Attention {
        kind: Trouble::Ended,
        severity: Severity::Stops,
        reason: format!("The run does not go on: {}.", why.trim_end_matches('.')),
        value: facts.data.steps.last().map_or(0.0, |last| last.step as f64),
        unit: "steps are complete",
        advice: "Mend the cause and go on by --resume: nothing is lost.".into(),
        page: format!("{}#notices", link::run(facts.run)),
    })
}

/// The disk will be full before the run ends.
pub fn disk(facts: &Facts<'_>) -> Option<Attention> {
    let disk = facts.disk?;
    let steps = &facts.data.steps[facts.data.steps.len().saturating_sub(GROWTH_STEPS)..];
    let seconds: f64 = steps.iter().map(|times| times.seconds).sum();
    let rollouts = sum(facts.data, Metric::FirstTrialRollouts, GROWTH_STEPS)
        + sum(facts.data, Metric::SecondTrialRollouts, GROWTH_STEPS);
    let bytes = disk.log_bytes as f64 / disk.log_rollouts.max(1) as f64 * rollouts;
    // Neither a quotient of nothing nor an endless time is a worry.
    let seconds_to_full = disk.free_bytes as f64 / (bytes / seconds);
    let hours = seconds_to_full / 3600.0;
    let ends_before = disk.seconds_left.is_some_and(|left| left < seconds_to_full);
    (hours < DISK_HOURS && !ends_before).then(|| Attention {
        kind: Trouble::Disk,
        severity: if hours < DISK_URGENT { Severity::Stops } else { Severity::Watch },
        reason: format!(
            "The disk of the log will be full in {} hours: {} MB are free, and the log grows by {} MB \
             an hour.",
            number(hours),
            number((disk.free_bytes as f64 / 1e6).round()),
            number((bytes / seconds * 3600.0 / 1e6).round()),
        ),
        value: hours,
        unit: "hours",
        advice: "Make room, or bound the log by [log] success_characters. A run that finds its disk full \
                 stops and loses nothing."
            .into(),
        page: "/runs".into(),
    })
}

/// Servers had other weights than were pushed to them.
pub fn stale_weights(facts: &Facts<'_>) -> Option<Attention> {
    // One that was put right long ago needs no attention.
    let times = sum(facts.data, Metric::WrongWeights, STEPS);
    (times > 0.0).then(|| Attention {
        kind: Trouble::StaleWeights,
        severity: Severity::Wasted,
        reason: format!(
            "In the last steps a server was found {} with other weights than were pushed to it.",
            if times == 1.0 { "once".to_owned() } else { format!("{} times", number(times)) }
        ),
        value: times,
        unit: "times",
        advice: "Look at the server's log, at a cache before it, and whether a router sends all \
                 requests to servers that are pushed to. What it sampled was sampled anew."
            .into(),
        page: link::panel(facts.run, PanelKey::Oddities.as_str()),
    })
}

/// A server takes no part, or has an older version than the others.
pub fn server_out(facts: &Facts<'_>) -> Option<Attention> {
    let newest = facts.servers.iter().filter_map(|server| server.version).max();
    let behind: Vec<_> = facts.servers.iter().filter(|server| server.version < newest).collect();
    let first = behind.first()?;
    let state = match first.version {
        None => format!(
            "is left out: {} of its {} requests failed",
            number(first.failed as f64),
            number(first.requests as f64)
        ),
        Some(version) => format!(
            "has version {version} of the weights where others have {}",
            newest.unwrap_or_default()
        ),
    };
    let others = match behind.len() - 1 {
        0 => String::new(),
        1 => ", and another one is behind too".into(),
        more => format!(", and {more} others are behind too"),
    };
    Some(Attention {
        kind: Trouble::ServerOut,
        severity: Severity::Watch,
        reason: format!("The server {} {state}{others}.", first.url),
        value: behind.len() as f64,
        unit: "servers",
        advice: "Look at its log. The run asks it again by itself, and goes on with the others."
            .into(),
        page: format!("{}#servers", link::run(facts.run)),
    })
}

/// The run has warned.
pub fn warnings(facts: &Facts<'_>) -> Option<Attention> {
    let last = facts.notices.first()?;
    let (count, line) = (facts.notices.len(), last.message.lines().next().unwrap_or_default());
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    Some(Attention {
        kind: Trouble::Warnings,
        severity: Severity::Watch,
        reason: format!("The run has warned {times} lately, last: {line}"),
        value: count as f64,
        unit: "warnings",
        advice: "Read them: each says what to do.".into(),
        page: format!("{}#notices", link::run(facts.run)),
    })
}
