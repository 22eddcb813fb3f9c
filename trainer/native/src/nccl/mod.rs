//! Collective communication with others over NVIDIA's NCCL, which is loaded when it is first needed:
//! nothing of it has to be there to build or to run without it.
//!
//! Nothing here waits for ever. Calls do not block in NCCL; each is polled until a [`Patience`] ends,
//! because a peer that died or hangs would never answer, and a broadcast that was left alone would
//! hold the GPU.

mod error;
mod functions;
mod group;
mod patience;

pub use error::CollectiveError;
pub use functions::{Nccl, UniqueId};
pub use group::Group;
pub use patience::Patience;
