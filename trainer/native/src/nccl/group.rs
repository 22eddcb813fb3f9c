//! A group of processes in which this one, rank 0, sends tensors to all others.

use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::error::CollectiveError;
use super::functions::{Comm, Config, Nccl, UniqueId};
use super::patience::Patience;

/// NCCL's sum.
const SUM: c_int = 0;

/// Membership of a group, as its rank 0. Leaves it when dropped.
pub struct Group {
    nccl: Arc<Nccl>,
    comm: Comm,
    device: Device,
}

// SAFETY: NCCL lets a communicator be used from any thread, one at a time: every call needs
// `&mut self` or is made as the value is dropped.
unsafe impl Send for Group {}

impl Group {
    /// Joins the group `id` of `ranks` members as rank 0, and waits for the others. All must
    /// join at the same time; each then adds up one number with the others, as vLLM's workers do.
    pub fn join(
        nccl: Arc<Nccl>,
        id: UniqueId,
        ranks: usize,
        device: Device,
        patience: &Patience,
    ) -> Result<Self, CollectiveError> {
        use_device(&nccl, device)?;
        let mut comm: Comm = ptr::null_mut();
        let mut config = Config::not_blocking();
        // SAFETY: both pointers live through the call; with `blocking` 0 NCCL copies the
        // configuration and sets `comm` before it returns.
        let code =
            unsafe { (nccl.init_rank)(&raw mut comm, ranks as c_int, id, 0, &raw mut config) };
        let call = "ncclCommInitRankConfig";
        let at_once = nccl.begun(call, code)?;
        let mut group = Self { nccl, comm, device };
        if !at_once {
            group.settle(call, patience)?;
        }
        group.greet(patience)?;
        Ok(group)
    }

    /// The one number that all members add up first.
    fn greet(&mut self, patience: &Patience) -> Result<(), CollectiveError> {
        let one = Tensor::zeros([1], (Kind::Float, self.device));
        let (call, data) = ("ncclAllReduce", one.data_ptr());
        // SAFETY: `data` is one f32 on this group's device, which lives until the call is done
        // and the stream is idle; NCCL may read and write the same place.
        let code = unsafe {
            (self.nccl.all_reduce)(
                data,
                data,
                1,
                number(Kind::Float)?,
                SUM,
                self.comm,
                ptr::null_mut(),
            )
        };
        self.finish(call, code, patience, one)
    }

    /// Sends a tensor to all other members, who must be receiving one of this shape and kind. After
    /// an error the group cannot be used any more: drop it.
    pub fn broadcast(
        &mut self,
        tensor: &Tensor,
        patience: &Patience,
    ) -> Result<(), CollectiveError> {
        use_device(&self.nccl, self.device)?;
        let sent = tensor.to_device(self.device).contiguous();
        let (call, data) = ("ncclBroadcast", sent.data_ptr());
        // SAFETY: `data` is `numel` contiguous numbers of this kind on this group's device; they
        // live until the call is done and the stream is idle.
        let code = unsafe {
            (self.nccl.broadcast)(
                data,
                data,
                sent.numel(),
                number(sent.kind())?,
                0,
                self.comm,
                ptr::null_mut(),
            )
        };
        self.finish(call, code, patience, sent)
    }

    /// Waits for a call, and until the GPU no longer uses `used`. On an error NCCL may still be
    /// reading it: the group is destroyed before its memory is freed.
    fn finish(
        &mut self,
        call: &'static str,
        code: c_int,
        patience: &Patience,
        used: Tensor,
    ) -> Result<(), CollectiveError> {
        let settled = self.nccl.begun(call, code).and_then(|at_once| {
            if !at_once {
                self.settle(call, patience)?;
            }
            if self.device.is_cuda() {
                patience.wait(call, || self.nccl.stream_done())?;
            }
            Ok(())
        });
        if settled.is_err() {
            self.leave();
        }
        drop(used);
        settled
    }

    /// Waits until NCCL has no call in progress.
    fn settle(&self, call: &'static str, patience: &Patience) -> Result<(), CollectiveError> {
        patience.wait(call, || {
            let mut state = 0;
            // SAFETY: the communicator is alive, the pointer lives through the call.
            let asked = unsafe { (self.nccl.async_error)(self.comm, &raw mut state) };
            self.nccl.begun("ncclCommGetAsyncError", asked)?;
            self.nccl.begun(call, state)
        })
    }

    /// Aborts calls in progress, without the others.
    fn leave(&mut self) {
        let comm = std::mem::replace(&mut self.comm, ptr::null_mut());
        if !comm.is_null() {
            // SAFETY: the communicator is alive, and is not used after this.
            unsafe { (self.nccl.abort)(comm) };
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.leave();
    }
}

fn use_device(nccl: &Nccl, device: Device) -> Result<(), CollectiveError> {
    if let Device::Cuda(index) = device { nccl.set_device(index) } else { Ok(()) }
}

/// The number of a kind in NCCL, `ncclDataType_t`.
fn number(kind: Kind) -> Result<c_int, CollectiveError> {
    match kind {
        Kind::Half => Ok(6),
        Kind::Float => Ok(7),
        Kind::BFloat16 => Ok(9),
        other => Err(CollectiveError::Kind(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_group_of_one_sends_what_it_has() {
        if !tch::Cuda::is_available() {
            println!("not run: there is no GPU");
            return;
        }
        let nccl = Arc::new(Nccl::load().unwrap());
        let patience = Patience::new(Duration::from_mins(1));
        let id = nccl.unique_id().unwrap();
        let mut group = Group::join(nccl, id, 1, Device::Cuda(0), &patience).unwrap();
        for kind in [Kind::Float, Kind::BFloat16] {
            let sent = Tensor::arange(1000, (kind, Device::Cuda(0)));
            let before = sent.copy();
            group.broadcast(&sent, &patience).unwrap();
            assert_eq!(sent, before);
        }
    }
}
