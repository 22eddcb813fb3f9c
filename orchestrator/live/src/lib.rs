//! What a run shares in memory with whoever watches it: what it is doing at this moment, how its
//! servers fare, its last warnings; and what a person has asked of it.
//!
//! All of this is lost with the process and none of it decides a result. Everything else that the
//! dashboard shows is read from the log.

mod control;
mod live;
mod recent;
mod snapshot;
mod state;

pub use control::{COMMANDS, Command, Control, Pending};
pub use live::{Activity, Live, Pause, ServerSource};
pub use recent::{Notice, Recent};
pub use snapshot::{ActivityNow, Phase, PhaseTiming, Snapshot, Status};
