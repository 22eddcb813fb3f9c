//! The ranks that train one policy together, each a process, on c10d over Gloo or NCCL.
//!
//! Rank 0 is the leader: it serves HTTP and tells the others what to do. Every rank has the whole weights that
//! products are computed with. Gradients are reduced so that each rank has its shard of each (ZeRO-2). The
//! f32 weights and the moments of that shard exist on that rank only, and its updated weights are sent
//! to all others. Whatever one rank decides from what only it sees, an error above all, it shares with
//! the others at the same point.
//!
//! A single rank needs no group, and every function here then returns what it was given.

mod buckets;
mod environment;
mod membership;
mod orders;
mod place;
mod reduction;

pub use environment::{Environment, EnvironmentError, local_rank};
pub use membership::{Failure, Ranks};
pub use orders::{Order, ReceiveError};
pub use place::Place;
pub use reduction::Reduction;
