//! Several servers as one: the least loaded one gets the next group, a bounded number of requests
//! is in flight to each, and the work of one that fails goes to another.
//!
//! A server takes part only while it is known to serve the version that is asked for: after a push
//! that was verified there, and until one of its requests fails for good. It is brought back by the
//! next push that it takes. One that is away for a while is waited for, with growing pauses, until
//! patience ends; one that answers, and wrongly, uses up the budget of failures.

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
