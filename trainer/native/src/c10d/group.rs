//! Membership of a group, and collective operations.

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

/// Time for other ranks to notice that one has failed: those that wait for it notice at once.
const PATIENCE_MS: i64 = 3000;

/// c10d's flight recorder notes every operation of a process, for debugging hangs. Nothing here reads it,
/// and groups on several threads, as in tests, break it: it adds a group to its map without
/// taking its lock, and then loops for ever or crashes.
fn without_recorder() {
    static ONCE: Once = Once::new();
    const SIZE: &str = "TORCH_FR_BUFFER_SIZE";
    ONCE.call_once(|| {
        if std::env::var_os(SIZE).is_none() {
            // SAFETY: Rust code that reads the environment takes turns with this; c10d reads it when the
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
    /// The error that ended the membership, if one did.
    lost: Option<GroupError>,
}

/// A sum in progress. [`Group::finish`] returns its result.
pub struct UnderWay {
    work: Work,
    share: Tensor,
}

struct Work(*mut NativeWork);

// SAFETY: c10d's work may be waited for from any thread; it is used by value, so by one thread.
unsafe impl Send for Work {}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: it came from `retrial_c10d_reduce_scatter`, and nothing else has it. An operation
        // still in progress keeps the tensors, which c10d holds too.
        unsafe { retrial_c10d_forget(self.0) };
    }
}

// SAFETY: c10d's groups and stores may be used from any thread; every call needs `&mut self` or is
// made when the value is dropped, so that only one runs at a time.
unsafe impl Send for Group {}

impl Group {
    /// Joins as `rank` of `world` ranks, and waits for the others. No wait, now or in an
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
        // SAFETY: both texts live through the call; `native` is set to a group that this side owns
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

    /// Joins a group of the same ranks over NCCL, each with a GPU of its own. All must join at the
    /// same time.
    pub fn join_nccl(&mut self, nccl: &Nccl, gpu: usize) -> Result<Self, GroupError> {
        let &mut Self { rank, world, timeout_ms, .. } = self;
        let device = Device::Cuda(gpu);
        let mut group =
            Self { native: ptr::null_mut(), rank, world, device, timeout_ms, lost: None };
        self.call("join over NCCL", &[], |others| {
            let native = &raw mut group.native;
            let (rank, world, gpu) = (rank as c_int, world as c_int, gpu as c_int);
            // SAFETY: `call` has checked that the other group exists; `native` is set to one
            // that this side owns if the message is null.
            unsafe { (nccl.join)(others, rank, world, timeout_ms, gpu, native) }
        })?;
        Ok(group)
    }

    /// The device of its tensors.
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

    /// Leaves the group, so that the others' operations fail.
    pub fn leave(&mut self) {
        let native = std::mem::replace(&mut self.native, ptr::null_mut());
        if !native.is_null() {
            // SAFETY: it came from `retrial_c10d_join`, and nothing else has it.
            unsafe { retrial_c10d_leave(native) };
        }
    }

    /// All-reduce: replaces the tensor by the sum of all ranks' tensors.
    pub fn all_reduce(&mut self, tensor: &Tensor) -> Result<(), GroupError> {
        self.call("all_reduce", &[tensor], |group| {
            // SAFETY: `call` has checked that group and tensor exist and fit.
            unsafe { retrial_c10d_all_reduce(group, tensor.as_ptr()) }
        })
    }

    /// Broadcast: replaces the tensor by that of the rank `root`.
    pub fn broadcast(&mut self, tensor: &Tensor, root: usize) -> Result<(), GroupError> {
        self.call("broadcast", &[tensor], |group| {
            // SAFETY: as above.
            unsafe { retrial_c10d_broadcast(group, tensor.as_ptr(), root as c_int) }
        })
    }

    /// Reduce-scatter: begins to sum all ranks' `whole`, `[world x n]`, of which this rank gets its part, `[n]`,
    /// without waiting. `whole` must not be written to before it is finished. Several may be in progress;
    /// they run one after another, as do later operations.
    pub fn begin_reduce_scatter(&mut self, whole: &Tensor) -> Result<UnderWay, GroupError> {
        let length = whole.numel() / self.world;
        let share = Tensor::empty([length as i64], (whole.kind(), whole.device()));
        let mut work = ptr::null_mut();
        self.call("reduce_scatter", &[&share, whole], |group| {
            // SAFETY: as above; `work` is set to one that this side owns if the message is null.
            unsafe {
                let (share, whole) = (share.as_ptr(), whole.as_ptr());
                retrial_c10d_reduce_scatter(group, share, whole, &raw mut work)
            }
        })?;
        Ok(UnderWay { work: Work(work), share })
    }

    /// Waits for an operation of this group, and returns this rank's part.
    pub fn finish(&mut self, under_way: UnderWay) -> Result<Tensor, GroupError> {
        let UnderWay { work, share } = under_way;
        // SAFETY: the work lives until the end of this function.
        self.call("reduce_scatter", &[], |_| unsafe { retrial_c10d_wait(work.0) })?;
        Ok(share)
    }

    /// All-gather: puts the `share` of each rank, `[n]`, one after another into `whole`, `[world x n]`.
    pub fn all_gather(&mut self, whole: &Tensor, share: &Tensor) -> Result<(), GroupError> {
        self.call("all_gather", &[whole, share], |group| {
            // SAFETY: as above.
            unsafe { retrial_c10d_all_gather(group, whole.as_ptr(), share.as_ptr()) }
        })
    }

    /// Barrier: waits until all ranks are here.
    pub fn barrier(&mut self) -> Result<(), GroupError> {
        // SAFETY: `call` has checked that the group exists.
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

    /// An error if there is a message, which is freed; it ends the membership.
    fn done(&mut self, operation: &'static str, message: *mut c_char) -> Result<(), GroupError> {
        // SAFETY: the shim has just returned it.
        let Err(text) = (unsafe { outcome(message) }) else { return Ok(()) };
        // After its first line libtorch prints a stack trace.
        let reason = text.lines().next().unwrap_or_default().to_owned();
        Err(self.lose(operation, reason))
    }

    /// Ends the membership with an error, which all later operations return.
    pub fn lose(&mut self, operation: &'static str, reason: String) -> GroupError {
        let silent = self.roll_call();
        self.leave();
        self.lost.insert(GroupError { silent, ..self.error(operation, reason) }).clone()
    }

    /// The other ranks that have not noticed that this one failed.
    fn roll_call(&mut self) -> Vec<usize> {
        if !self.is_whole() {
            return Vec::new();
        }
        let mut there = vec![self.rank > 0; self.world];
        let patience = PATIENCE_MS.min(self.timeout_ms);
        let (rank, world) = (self.rank as c_int, self.world as c_int);
        // SAFETY: the group exists, and `there` has a place for each rank.
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
