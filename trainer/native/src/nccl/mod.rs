//! Collective communication over NVIDIA's NCCL, which is loaded when it is first needed:
//! it is not needed to build or to run without it.
//!
//! Every wait has a deadline. Calls do not block in NCCL; each is polled until a [`Patience`] ends,
//! because a peer that crashed or hangs would never answer, and a broadcast without its peer would
//! block the GPU.

mod error;
mod functions;
mod group;
mod patience;

pub use error::CollectiveError;
pub use functions::{Nccl, UniqueId};
pub use group::Group;
pub use patience::Patience;
