//! What the trainer needs and tch does not have: NCCL, c10d, and what tch does not bind of libtorch: a
//! kernel, what the allocator of a GPU holds, and how matrix products are computed. All `unsafe` of the project is in this crate, behind
//! safe functions.

pub mod c10d;
pub mod flash;
pub mod memory;
mod message;
pub mod mkl;
pub mod nccl;
pub mod testing;
