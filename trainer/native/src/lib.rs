//! What the trainer needs from libtorch and NCCL and tch does not have: process groups (c10d, NCCL),
//! libtorch's errors as values, an attention kernel, memory statistics of a GPU, and reproducible matrix
//! products are computed. All `unsafe` of the project is in this crate, behind safe functions.

pub mod c10d;
pub mod cpu;
pub mod flash;
pub mod memory;
mod message;
pub mod mkl;
pub mod nccl;
pub mod testing;
pub mod torch;
