//! The embedded policy server over real HTTP, on a tiny random model.

mod binary;
mod control;
mod errors;
mod failures;
pub mod fixture;
mod routes;
mod sampling;
