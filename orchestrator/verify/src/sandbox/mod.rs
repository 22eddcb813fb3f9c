//! A sandbox for one program, without privileges and without a daemon.
//!
//! The program is started by a helper, which is this program again: `retrial sandbox`. The helper
//! restricts itself and then becomes the program, so that nothing of it runs unrestricted:
//!
//! - `limits`: memory, the size of files, open files;
//! - `files` (Landlock): reads what Python needs, writes to its scratch folder only;
//! - `calls` (seccomp): no network, no other processes, no changes to what it may only read.
//!
//! It holds for root as well. `docs/rewards.md` says what it does not protect from.

mod allowed;
mod calls;
mod enter;
mod files;
mod launcher;
mod limits;

pub use enter::enter;
pub use launcher::{Launcher, Limits};
