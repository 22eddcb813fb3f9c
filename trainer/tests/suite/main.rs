//! The trainer and the embedded server from outside: one program, as linking libtorch takes long.
//!
//! Whatever computes calls [`common::ready`] first, as the programs do.

mod common;
mod failures;
mod families;
mod lora;
mod objective;
mod policy;
mod ranks;
mod reference;
mod service;
mod sft;
mod sharing;
mod updates;
mod versions;
