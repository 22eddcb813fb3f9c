//! A group of processes that compute together, on c10d, the engine under torch.distributed.
//!
//! All ranks call the same operations in the same order, with tensors of the same kinds and shapes,
//! on the CPU and contiguous. A rank that has died is an error of the next operation at once, one that
//! hangs is one after the time-out. The first error ends the membership: what the others wait for then
//! fails too, and no rank waits for one that has given up.

use std::ffi::{CString, c_char, c_int};
use std::ptr;
use std::time::Duration;

use tch::{Device, Tensor};
use torch_sys::C_tensor;

use crate::message::outcome;

#[repr(C)]
struct Native {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn retrial_c10d_join(
        host: *const c_char,
        port: u16,
        serves: bool,
        prefix: *const c_char,
        rank: c_int,
        world: c_int,
        timeout_ms: i64,
        group: *mut *mut Native,
    ) -> *mut c_char;
    fn retrial_c10d_leave(group: *mut Native);
    fn retrial_c10d_all_reduce(group: *mut Native, tensor: *const C_tensor) -> *mut c_char;
    fn retrial_c10d_broadcast(
        group: *mut Native,
        tensor: *const C_tensor,
        root: c_int,
    ) -> *mut c_char;
    fn retrial_c10d_reduce_scatter(
        group: *mut Native,
        share: *const C_tensor,
        whole: *const C_tensor,
    ) -> *mut c_char;
    fn retrial_c10d_all_gather(
        group: *mut Native,
        whole: *const C_tensor,
        share: *const C_tensor,
    ) -> *mut c_char;
    fn retrial_c10d_barrier(group: *mut Native) -> *mut c_char;
}

/// Where the ranks of a group find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The host of rank 0, or of a launcher that keeps the store.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether a launcher keeps the store. If not, rank 0 does.
    pub kept: bool,
    /// What the group's keys in the store begin with.
    pub prefix: String,
}

impl Meeting {
    /// A meeting at rank 0.
    pub fn at(host: &str, port: u16) -> Self {
        Self { host: host.into(), port, kept: false, prefix: "retrial".into() }
    }
}

/// Why ranks could not compute together.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "rank {rank} of {world}: {operation} failed: {reason}\n\
     hint: a rank that has ended or hangs fails all others; look at the log of each for the first error"
)]
pub struct GroupError {
    /// What was tried.
    pub operation: &'static str,
    /// The rank that tried.
    pub rank: usize,
    /// Ranks of the group.
    pub world: usize,
    /// c10d's word.
    pub reason: String,
}

/// Membership of a group. Leaves it when dropped, and on the first error.
pub struct Group {
    native: *mut Native,
    rank: usize,
    world: usize,
    /// Why the membership ended, if an error ended it.
    lost: Option<GroupError>,
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
        let mut group = Self { native: ptr::null_mut(), rank, world, lost: None };
        let failed = |reason: String| GroupError { operation: "join", rank, world, reason };
        let text = |text: &str| CString::new(text).map_err(|error| failed(error.to_string()));
        let (host, prefix) = (text(&meeting.host)?, text(&meeting.prefix)?);
        let serves = rank == 0 && !meeting.kept;
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
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

    /// Puts this rank's part of the sum of all ranks' `whole`, `[world x n]`, into `share`, `[n]`.
    pub fn reduce_scatter(&mut self, share: &Tensor, whole: &Tensor) -> Result<(), GroupError> {
        self.call("reduce_scatter", &[share, whole], |group| {
            // SAFETY: as above.
            unsafe { retrial_c10d_reduce_scatter(group, share.as_ptr(), whole.as_ptr()) }
        })
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
            tensor.defined() && tensor.device() == Device::Cpu && tensor.is_contiguous()
        };
        if !self.is_whole() {
            let left = || self.error(operation, "the group was left".into());
            return Err(self.lost.clone().unwrap_or_else(left));
        }
        if !tensors.iter().all(|tensor| fits(&tensor)) {
            return Err(self.lose(operation, "a tensor is not contiguous on the CPU".into()));
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
    fn lose(&mut self, operation: &'static str, reason: String) -> GroupError {
        self.leave();
        self.lost.insert(self.error(operation, reason)).clone()
    }

    fn error(&self, operation: &'static str, reason: String) -> GroupError {
        GroupError { operation, rank: self.rank, world: self.world, reason }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.leave();
    }
}
