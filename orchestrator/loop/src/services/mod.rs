//! The services that a run starts for itself: the embedded policy server and the trainer, which may
//! be several ranks.
//!
//! A child process lives as long as its handle. Its standard input is a pipe that it watches, so that
//! it also ends when this process is killed outright. One that dies is started again on the same
//! address, with all ranks: they know from the disk, or are told, where they stand.

pub mod connect;
mod processes;
mod program;
mod service;

pub use service::Service;
