//! Process groups on c10d, the engine under torch.distributed.
//!
//! All ranks must call the same operations in the same order, with tensors of the same kinds and shapes,
//! contiguous and on the group's device: the CPU over Gloo, a GPU over NCCL. A rank that has ended is
//! an error of the next operation at once. A rank that hangs is an error after the time-out. The
//! first error ends the membership: the others' operations then fail too, and no rank waits for one
//! that has failed.

mod error;
mod ffi;
mod group;
mod meeting;
mod nccl;

pub use error::GroupError;
pub use group::{Group, UnderWay};
pub use meeting::Meeting;
pub use nccl::Nccl;
