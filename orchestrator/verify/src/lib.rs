//! Verifiers: whether a response passes.
//!
//! [`Verifiers::open`] starts what `[reward]` asks for and checks that it works. [`Verifiers::judge`]
//! says of each submission what reward it gets, or that it was given up on: a verifier that did not
//! answer is never a reward of 0. It fails only when the whole run has to stop.
//!
//! - `kinds` decide by rules, each in a file: mathematics, numbers, choices, texts, expressions.
//! - `command` keeps programs and talks JSON lines with them; `http` posts the same to a service.
//! - `code` runs a response's code on the tests of its problem, in the [`sandbox`].

mod code;
mod command;
mod error;
mod failing;
mod http;
mod kinds;
mod opinion;
pub mod sandbox;
mod text;
mod verifiers;
mod wire;

pub use error::{OpenError, Stopped};
pub use kinds::letters;
pub use verifiers::Verifiers;
