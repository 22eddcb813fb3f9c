//! Crashes on demand, for the tests of `retrial run --resume`.

use std::str::FromStr;

use retrial_protocol::Step;

/// A point of an update, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The batch is here.
    BeforeTrain,
    /// The weights in memory are new.
    AfterTrain,
    /// The folder of the new version is begun.
    BeforeWrite,
    /// It is complete, under a temporary name.
    AfterWrite,
    /// It has its name.
    AfterRename,
}

/// Where the trainer is to crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    point: Point,
    step: Step,
}

const POINTS: [(&str, Point); 5] = [
    ("before-train", Point::BeforeTrain),
    ("after-train", Point::AfterTrain),
    ("before-write", Point::BeforeWrite),
    ("after-write", Point::AfterWrite),
    ("after-rename", Point::AfterRename),
];

impl FromStr for CrashPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (name, step) = text.split_once('@')?;
            let (_, point) = POINTS.into_iter().find(|(known, _)| *known == name)?;
            Some(Self { point, step: Step(step.parse().ok()?) })
        };
        let names = POINTS.map(|(name, _)| name).join(", ");
        parse().ok_or_else(|| format!("write it as POINT@STEP, POINT one of {names}"))
    }
}

impl CrashPoint {
    /// Ends the process as a kill would, with nothing cleaned up, if this is the point.
    pub fn reached(crash: Option<Self>, point: Point, step: Step) {
        if crash == Some(Self { point, step }) {
            std::process::abort();
        }
    }
}
