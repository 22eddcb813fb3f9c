//! Membership of a group, and its operations.

use std::ffi::{CString, c_char, c_int};
use std::ptr;
use std::sync::Once;
use std::time::Duration;

use tch::{Device, Tensor};

use super::error::GroupError;
use super::ffi::{
    Native, NativeWork, retrial_c10d_all_gather, retrial_c10d_all_reduce, retrial_c10d_barrier,
    retrial_c10d_broadcast, retrial_c10d_forget, retrial_c10d_join, retrial_c10d_leave,
    retrial_c10d_reduce_scatter, retrial_c10d_roll_call, retrial_c10d_wait,
};
use super::meeting::Meeting;
use super::nccl::Nccl;
use crate::message::outcome;

/// How long other ranks get to notice that one has failed: those that wait for it do at once.
const PATIENCE_MS: i64 = 3000;

/// c10d notes down every operation of a process, for who debugs one that hangs. Nothing here reads it,
/// and groups on several threads, as tests have them, break it: it adds a group to its map without
/// taking its lock, and then loops for ever or crashes.
fn without_recorder() {
    static ONCE: Once = Once::new();
    const SIZE: &str = "TORCH_FR_BUFFER_SIZE";
    ONCE.call_once(|| {
        if std::env::var_os(SIZE).is_none() {
            // SAFETY: what reads the environment in Rust takes turns with this; c10d reads it when the
            // first group is made, after this.
            unsafe { std::env::set_var(SIZE, "0") };
        }
    });
}

/// Membership of a group. Leaves it when dropped, and on the first error.
pub struct Group {
    native: *mut Native,
    rank: usize,
    world: usize,
    device: Device,
    timeout_ms: i64,
    /// Why the membership ended, if an error ended it.
    lost: Option<GroupError>,
}

/// A sum that is under way, whose numbers are only to be had of [`Group::finish`].
pub struct UnderWay {
    work: Work,
    share: Tensor,
}

struct Work(*mut NativeWork);

// SAFETY: c10d's work may be waited for from any thread; it is used by value, so that one does.
unsafe impl Send for Work {}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: it came from `retrial_c10d_reduce_scatter`, and nothing has it any more. What is
        // still under way goes on with the tensors, which c10d holds too.
        unsafe { retrial_c10d_forget(self.0) };
    }
}

// SAFETY: c10d's groups and stores may be used from any thread; every call needs `&mut self` or is
// made as the value is dropped, so that one at a time does.
unsafe impl Send for Group {}

impl Group {
    /// Joins as `rank` of `world` ranks, and waits for the others to come. No wait, here or in an
    /// operation, is longer than `timeout`.
    pub fn join(
        meeting: &Meeting,
        rank: usize,
        world: usize,
        timeout: Duration,
    ) -> Result<Self, GroupError> {
        without_recorder();
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let device = Device::Cpu;
        let mut group =
            Self { native: ptr::null_mut(), rank, world, device, timeout_ms, lost: None };
        let failed = |reason: String| GroupError {
            operation: "join",
            rank,
            world,
            reason,
            silent: Vec::new(),
        };
        let text = |text: &str| CString::new(text).map_err(|error| failed(error.to_string()));
        let (host, prefix) = (text(&meeting.host)?, text(&meeting.prefix)?);
        let serves = rank == 0 && !meeting.kept;
        // SAFETY: both texts live through the call; `native` is set to a group that is this side's
        // if the message is null.
        let message = unsafe {
            retrial_c10d_join(
                host.as_ptr(),
                meeting.port,
                serves,
                prefix.as_ptr(),
                rank as c_int,
                world as c_int,
                timeout_ms,
                &raw mut group.native,
            )
        };
        group.done("join", message)?;
        Ok(group)
    }

    /// Joins a group of the same ranks over NCCL, where each gives a GPU of its own. All come at the
    /// same time.
    pub fn join_nccl(&mut self, nccl: &Nccl, gpu: usize) -> Result<Self, GroupError> {
        let &mut Self { rank, world, timeout_ms, .. } = self;
        let device = Device::Cuda(gpu);
        let mut group =
            Self { native: ptr::null_mut(), rank, world, device, timeout_ms, lost: None };
        self.call("join over NCCL", &[], |others| {
            let native = &raw mut group.native;
            let (rank, world, gpu) = (rank as c_int, world as c_int, gpu as c_int);
            // SAFETY: `call` has seen to it that the others' group is there; `native` is set to one
            // that is this side's if the message is null.
            unsafe { (nccl.join)(others, rank, world, timeout_ms, gpu, native) }
        })?;
        Ok(group)
    }

    /// Where its tensors are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// This rank.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Ranks of the group.
    pub fn world(&self) -> usize {
        self.world
    }

    /// Whether it can still be used.
    pub fn is_whole(&self) -> bool {
        !self.native.is_null()
    }

    /// Gives up the membership, so that the others' operations fail.
    pub fn leave(&mut self) {
        let native = std::mem::replace(&mut self.native, ptr::null_mut());
        if !native.is_null() {
            // SAFETY: it came from `retrial_c10d_join`, and nothing has it any more.
            unsafe { retrial_c10d_leave(native) };
        }
    }

    /// Replaces the tensor by the sum of all ranks' tensors.
    pub fn all_reduce(&mut self, tensor: &Tensor) -> Result<(), GroupError> {
        self.call("all_reduce", &[tensor], |group| {
            // SAFETY: `call` has seen to it that group and tensor are there and fit.
            unsafe { retrial_c10d_all_reduce(group, tensor.as_ptr()) }
        })
    }

    /// Replaces the tensor by that of the rank `root`.
    pub fn broadcast(&mut self, tensor: &Tensor, root: usize) -> Result<(), GroupError> {
        self.call("broadcast", &[tensor], |group| {
            // SAFETY: as above.
            unsafe { retrial_c10d_broadcast(group, tensor.as_ptr(), root as c_int) }
        })
    }

    /// Begins to sum up all ranks' `whole`, `[world x n]`, of which this rank gets its part, `[n]`, and
    /// does not wait for it: nobody writes to `whole` before it is finished. Several may be under way,
    /// which go one after another, as do the operations that follow.
    pub fn begin_reduce_scatter(&mut self, whole: &Tensor) -> Result<UnderWay, GroupError> {
        let length = whole.numel() / self.world;
        let share = Tensor::empty([length as i64], (whole.kind(), whole.device()));
        let mut work = ptr::null_mut();
        self.call("reduce_scatter", &[&share, whole], |group| {
            // SAFETY: as above; `work` is set to one that is this side's if the message is null.
            unsafe {
                let (share, whole) = (share.as_ptr(), whole.as_ptr());
                retrial_c10d_reduce_scatter(group, share, whole, &raw mut work)
            }
        })?;
        Ok(UnderWay { work: Work(work), share })
    }

    /// Waits for what this group has begun, and gives this rank's part.
    pub fn finish(&mut self, under_way: UnderWay) -> Result<Tensor, GroupError> {
        let UnderWay { work, share } = under_way;
        // SAFETY: the work is there until the end of this function.
        self.call("reduce_scatter", &[], |_| unsafe { retrial_c10d_wait(work.0) })?;
        Ok(share)
    }

    /// Puts the `share` of each rank, `[n]`, one after another into `whole`, `[world x n]`.
    pub fn all_gather(&mut self, whole: &Tensor, share: &Tensor) -> Result<(), GroupError> {
        self.call("all_gather", &[whole, share], |group| {
            // SAFETY: as above.
            unsafe { retrial_c10d_all_gather(group, whole.as_ptr(), share.as_ptr()) }
        })
    }

    /// Waits until all ranks are here.
    pub fn barrier(&mut self) -> Result<(), GroupError> {
        // SAFETY: `call` has seen to it that the group is there.
        self.call("barrier", &[], |group| unsafe { retrial_c10d_barrier(group) })
    }

    fn call(
        &mut self,
        operation: &'static str,
        tensors: &[&Tensor],
        call: impl FnOnce(*mut Native) -> *mut c_char,
    ) -> Result<(), GroupError> {
        let fits = |tensor: &&&Tensor| {
            tensor.defined() && tensor.device() == self.device && tensor.is_contiguous()
        };
        if !self.is_whole() {
            let left = || self.error(operation, "the group was left".into());
            return Err(self.lost.clone().unwrap_or_else(left));
        }
        if !tensors.iter().all(|tensor| fits(&tensor)) {
            let problem = format!("a tensor is not contiguous on {:?}", self.device);
            return Err(self.lose(operation, problem));
        }
        tch::no_grad(|| {
            let message = call(self.native);
            self.done(operation, message)
        })
    }

    /// An error if there is a message, which is given back; it ends the membership.
    fn done(&mut self, operation: &'static str, message: *mut c_char) -> Result<(), GroupError> {
        // SAFETY: the shim has just answered it.
        let Err(text) = (unsafe { outcome(message) }) else { return Ok(()) };
        // After its first line libtorch tells where in its code it was.
        let reason = text.lines().next().unwrap_or_default().to_owned();
        Err(self.lose(operation, reason))
    }

    /// Ends the membership with an error, which all later operations repeat.
    pub fn lose(&mut self, operation: &'static str, reason: String) -> GroupError {
        let silent = self.roll_call();
        self.leave();
        self.lost.insert(GroupError { silent, ..self.error(operation, reason) }).clone()
    }

    /// Which other ranks do not notice that this one has failed.
    fn roll_call(&mut self) -> Vec<usize> {
        if !self.is_whole() {
            return Vec::new();
        }
        let mut there = vec![self.rank > 0; self.world];
        let patience = PATIENCE_MS.min(self.timeout_ms);
        let (rank, world) = (self.rank as c_int, self.world as c_int);
        // SAFETY: the group is there, and `there` has a place for each rank.
        unsafe {
            retrial_c10d_roll_call(self.native, rank, world, patience, there.as_mut_ptr());
        }
        (0..self.world).filter(|rank| !there[*rank]).collect()
    }

    fn error(&self, operation: &'static str, reason: String) -> GroupError {
        GroupError { operation, rank: self.rank, world: self.world, reason, silent: Vec::new() }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.leave();
    }
}
