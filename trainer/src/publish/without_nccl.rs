//! In the place of NCCL where it was left out.

use std::future::{Ready, ready};
use std::path::Path;

use tch::Device;

use super::call::{CallFailed, Caller};

/// Nothing is ever open.
#[derive(Clone)]
pub struct Channels;

impl Channels {
    /// Nothing.
    pub fn new(_device: Device) -> Self {
        Self
    }
}

/// Says that it cannot.
pub fn send(_: &Caller, _: &Channels, _: &Path) -> Ready<Result<(), CallFailed>> {
    let problem = "the trainer was built without the feature `nccl`\n\
                   hint: build it with, or push by `server.push = \"disk\"`";
    ready(Err(CallFailed::refused("sending the weights over NCCL", problem.into())))
}
