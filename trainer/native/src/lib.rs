//! What the trainer needs and tch does not have: NCCL, c10d, and a kernel of libtorch that it does
//! not bind. All `unsafe` of the project is in this crate, behind safe functions.

pub mod c10d;
pub mod flash;
pub mod nccl;
