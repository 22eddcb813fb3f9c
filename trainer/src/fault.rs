//! Faults on demand, for the tests of what a run and its ranks get over.

use std::str::FromStr;

use retrial_protocol::Step;
use rustix::process::{Signal, getpid, kill_process};
use tch::{Device, Kind, Tensor};

/// A point of an update, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The batch is here.
    BeforeTrain,
    /// The way back has come half-way down the layers.
    MidBackward,
    /// Gradients are on their way to the other ranks.
    MidReduce,
    /// The weights in memory are new.
    AfterTrain,
    /// The folder of the new version is begun.
    BeforeWrite,
    /// This rank's weights are in it, and its moments are not.
    MidWrite,
    /// It is complete, under a temporary name.
    AfterWrite,
    /// It has its name.
    AfterRename,
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// The process ends as by a kill, with nothing cleaned up.
    Crash,
    /// The process stands still until it is continued or killed.
    Stop,
    /// libtorch is asked for more memory than there is, and throws.
    RunOutOfMemory,
}

/// Where the trainer is to crash, to stop or to run out of memory.
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

    /// Too little memory at POINT@STEP. A trainer whose step has failed forgets it, so that the same
    /// step can be taken again.
    pub fn out_of_memory(at: &str) -> Result<Self, String> {
        Ok(Self { act: Act::RunOutOfMemory, moment: at.parse()? })
    }

    /// Does it if this is where.
    pub fn reached(fault: Option<Self>, point: Point, step: Step) {
        let Some(Self { act, moment }) = fault else { return };
        if moment == (Moment { point, step }) {
            match act {
                Act::Crash => std::process::abort(),
                Act::Stop => {
                    let stopped = kill_process(getpid(), Signal::STOP);
                    stopped.expect("a process may stop itself");
                }
                // As large as no address space.
                Act::RunOutOfMemory => drop(Tensor::empty([1 << 60], (Kind::Int8, Device::Cpu))),
            }
        }
    }
}
