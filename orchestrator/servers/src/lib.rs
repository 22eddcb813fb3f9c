//! Clients of policy servers: the loop samples with them, the trainer pushes
//! weights with them.
//!
//! - [`probe()`] finds out what a server is; [`connect()`] does so for all servers of a run.
//! - [`PolicyServer`] samples. Token ids go in and come out. Every sampling parameter is sent, because
//!   because a server takes missing ones from the model's own files.
//! - [`Pool`] distributes rollouts over several servers and waits for unreachable ones.
//! - [`push()`] replaces the weights of servers and verifies that they serve them.
//!
//! They are based on one HTTP client ([`Caller`]), one error ([`CallError`]), one retry policy
//! ([`Policy`]). `vllm` and `sglang` implement one kind of server each; `kinds` lists them. A new kind is a
//! file beside them and its lines in `kinds`.

mod address;
mod arrival;
mod caller;
mod capabilities;
mod client;
mod control;
mod differences;
mod error;
mod explain;
mod fleet;
mod keyring;
mod kinds;
mod pool;
mod push;
mod retry;
mod sample;
mod scoring;
mod sglang;
mod unchanged;
mod vllm;

pub use address::{Address, InvalidAddress, distinct};
pub use arrival::{Oddities, Share};
pub use caller::Caller;
pub use capabilities::{Capabilities, Route};
pub use client::{install_tls, plain_client};
pub use control::{Channel, Failed, Order};
pub use differences::Differences;
pub use error::{CallError, Transience, Trouble};
pub use fleet::{Fleet, FleetError, Plan, connect};
pub use keyring::{InvalidAccess, Keyring};
pub use kinds::{probe, read};
pub use pool::{Limits, NoServer, Outcome, Pool, PoolError};
pub use push::{Weights, push};
pub use retry::{Policy, with_retries};
pub use sample::{Flaw, PolicyServer, Response, SampleRequest, Sampled};
pub use scoring::score;
