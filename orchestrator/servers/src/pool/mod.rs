//! Several servers as one: the next group goes to the least loaded one, requests in flight are limited for
//! each, and the work of a failed server moves to another.
//!
//! A server takes part only while it serves the requested version: after a verified
//! push, and until one of its requests fails permanently. It rejoins with the
//! next push that it accepts. An unreachable server is waited for, with growing pauses, until
//! patience ends; wrong answers use up the error budget.

mod ask;
mod core;
mod error;
mod group;
mod member;
mod place;

pub use core::{Limits, Pool};
pub use error::{NoServer, PoolError};
pub use group::Outcome;

#[cfg(test)]
mod tests;
