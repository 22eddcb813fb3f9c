//! The ranks that train one policy together, each a process, on c10d over Gloo or NCCL.
//!
//! Rank 0 leads: it serves HTTP and tells the others what to do. Every rank has the whole weights that
//! products are computed with. Gradients are summed so that each rank has its share of each. The
//! weights in f32 and the moments of that share are its alone, and the weights that it has stepped go
//! to all others. Whatever one rank decides by what only it sees, an error above all, it tells the
//! others at the same point.
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
pub use orders::{HearError, Order};
pub use place::Place;
pub use reduction::Reduction;
