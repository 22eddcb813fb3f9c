//! A sandbox for one program that needs no privileges and no daemon.
//!
//! A helper starts the program: `retrial sandbox`. It restricts itself, then executes the program,
//! so no part of the program runs unrestricted:
//!
//! - `limits`: memory, file sizes, open files;
//! - `files` (Landlock): reads what Python needs, writes to its scratch folder only;
//! - `calls` (seccomp): no network, no other processes, no changes to readable files.
//!
//! It also restricts root. `docs/rewards.md` says what it does not protect against.

mod allowed;
mod calls;
mod enter;
mod files;
mod launcher;
mod limits;

pub use enter::enter;
pub use launcher::{Launcher, Limits};
