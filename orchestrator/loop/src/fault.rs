//! Injected crashes, for the tests of `--resume`.

use std::str::FromStr;

use retrial_protocol::Step;

/// A moment of a step. Problems do not wait for each other, so a hint may be in the log before the
/// last first trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The step has begun in the log.
    Begin,
    /// Half of the first trial is in the log.
    HalfFirstTrial,
    /// The first trial is in the log.
    FirstTrial,
    /// A hint is in the log, but no rollout with it.
    Hints,
    /// The second trial is in the log.
    SecondTrial,
    /// The trainer has the new version.
    Train,
    /// The server has the new version.
    Publish,
    /// The step is committed.
    Commit,
}

/// Where a run is to crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    moment: Moment,
    step: Step,
}

const MOMENTS: [(&str, Moment); 8] = [
    ("begin", Moment::Begin),
    ("half-first-trial", Moment::HalfFirstTrial),
    ("first-trial", Moment::FirstTrial),
    ("hints", Moment::Hints),
    ("second-trial", Moment::SecondTrial),
    ("train", Moment::Train),
    ("publish", Moment::Publish),
    ("commit", Moment::Commit),
];

impl FromStr for CrashPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (name, step) = text.split_once('@')?;
            let (_, moment) = MOMENTS.into_iter().find(|(known, _)| *known == name)?;
            Some(Self { moment, step: Step(step.parse().ok()?) })
        };
        let names = MOMENTS.map(|(name, _)| name).join(", ");
        parse().ok_or_else(|| format!("write it as MOMENT@STEP, MOMENT one of {names}"))
    }
}

impl CrashPoint {
    /// Ends the process as if killed, without cleaning up, if this is the moment.
    pub fn reached(point: Option<Self>, moment: Moment, step: Step) {
        if point == Some(Self { moment, step }) {
            std::process::abort();
        }
    }
}
