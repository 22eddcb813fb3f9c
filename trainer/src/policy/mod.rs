//! The embedded policy server: OpenAI-compatible, with vLLM's routes, on the trainer's own model
//! code.
//!
//! [`routes`] parses a request ([`request`]) and asks the [`engine`]; one thread (`scheduler`)
//! owns the weights and samples all sequences together, token by token (`forward`, [`sampler`]);
//! [`response`] gives the answer vLLM's shape. A response depends on its own prompt, seed and
//! weights only.

pub mod command;
pub mod engine;
pub mod error;
pub mod memory;
pub mod metrics;
pub mod request;
pub mod response;
pub mod routes;
pub mod sampler;
pub mod sampling;
pub mod sequence;

mod body;
mod control;
mod forward;
mod padded;
mod paged;
mod prefill;
mod ranking;
mod requests;
mod scheduler;
mod stop;
mod token_texts;
mod truncation;
