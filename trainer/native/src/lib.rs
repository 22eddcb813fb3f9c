//! What the trainer needs of libtorch and NCCL and tch does not have: groups of ranks (c10d, NCCL),
//! libtorch's errors as values, an attention kernel, what the allocator of a GPU holds, and how matrix
//! products are computed. All `unsafe` of the project is in this crate, behind safe functions.

pub mod c10d;
pub mod flash;
pub mod memory;
mod message;
pub mod mkl;
pub mod nccl;
pub mod testing;
pub mod torch;
