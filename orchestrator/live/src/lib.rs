//! State that a run shares in memory with the dashboard: what it is doing at the moment, the state of its
//! servers, its last warnings; and the commands of a person.
//!
//! All of this is lost with the process, and no result depends on it. Everything else that the
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
