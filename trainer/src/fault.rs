//! Injected faults, for tests of recovery.

use std::str::FromStr;

use retrial_protocol::Step;
use rustix::process::{Signal, getpid, kill_process};
use tch::{Device, Kind, Tensor};

/// A point of an update, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The batch has arrived.
    BeforeTrain,
    /// The backward pass is half-way through the layers.
    MidBackward,
    /// Gradients are being sent to the other ranks.
    MidReduce,
    /// The weights in memory are updated.
    AfterTrain,
    /// The folder of the new version was created.
    BeforeWrite,
    /// This rank's weights are written, its moments are not.
    MidWrite,
    /// The version is complete, under a temporary name.
    AfterWrite,
    /// The version has its final name.
    AfterRename,
}

/// Kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// The process ends as if killed, without cleaning up.
    Crash,
    /// The process stops until it is continued or killed.
    Stop,
    /// libtorch fails to allocate memory and throws.
    RunOutOfMemory,
}

/// Where to inject faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    act: Act,
    moment: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    point: Point,
    step: Step,
}

const POINTS: [(&str, Point); 8] = [
    ("before-train", Point::BeforeTrain),
    ("mid-backward", Point::MidBackward),
    ("mid-reduce", Point::MidReduce),
    ("after-train", Point::AfterTrain),
    ("before-write", Point::BeforeWrite),
    ("mid-write", Point::MidWrite),
    ("after-write", Point::AfterWrite),
    ("after-rename", Point::AfterRename),
];

impl FromStr for Moment {
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

impl Fault {
    /// A crash at POINT@STEP.
    pub fn crash(at: &str) -> Result<Self, String> {
        Ok(Self { act: Act::Crash, moment: at.parse()? })
    }

    /// A stop at POINT@STEP.
    pub fn stop(at: &str) -> Result<Self, String> {
        Ok(Self { act: Act::Stop, moment: at.parse()? })
    }

    /// Out of memory at POINT@STEP. The trainer forgets a step that failed, so that the same
    /// step can be repeated.
    pub fn out_of_memory(at: &str) -> Result<Self, String> {
        Ok(Self { act: Act::RunOutOfMemory, moment: at.parse()? })
    }

    /// Injects the fault if `point` and `step` match.
    pub fn reached(fault: Option<Self>, point: Point, step: Step) {
        let Some(Self { act, moment }) = fault else { return };
        if moment == (Moment { point, step }) {
            match act {
                Act::Crash => std::process::abort(),
                Act::Stop => {
                    let stopped = kill_process(getpid(), Signal::STOP);
                    stopped.expect("a process may stop itself");
                }
                // More than any address space has.
                Act::RunOutOfMemory => drop(Tensor::empty([1 << 60], (Kind::Int8, Device::Cpu))),
            }
        }
    }
}
