//! The services that a run starts for itself: the embedded policy server and the trainer, which may
//! be several ranks.
//!
//! A child process lives as long as its handle. Its standard input is a pipe that it watches, so that
//! it also ends when this process is killed. A child that crashes is restarted at the same
//! address, with all ranks: they load their state from disk, or get it in the next push.

pub mod connect;
mod processes;
mod program;
mod service;

pub use service::Service;
