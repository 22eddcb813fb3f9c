//! Stands in for NCCL in builds without it.

use std::path::Path;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use retrial_servers::{CallError, Caller, Channel, Failed};
use tch::Device;

/// No groups.
#[derive(Clone)]
pub struct Channels;

impl Channels {
    /// There are none.
    pub fn new(_device: Device) -> Self {
        Self
    }
}

impl Channel for Channels {
    /// Fails: this build has no NCCL.
    fn send<'a>(&'a self, caller: &'a Caller, _: &'a Path) -> BoxFuture<'a, Result<(), Failed>> {
        let problem = "the trainer was built without the feature `nccl`\n\
                       hint: build it with, or push by `server.push = \"disk\"`";
        let error = CallError::unusable_for_good(caller.url(), problem);
        ready(Err(Failed::new("sending the weights over NCCL", error))).boxed()
    }
}
