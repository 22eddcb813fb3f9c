//! Verifiers: they decide the reward of a response.
//!
//! [`Verifiers::open`] starts the verifiers of `[reward]` and checks that they work.
//! [`Verifiers::judge`] returns a reward for each submission, or says that it could not be verified:
//! that is never a reward of 0. It fails only when the whole run has to stop.
//!
//! - `kinds` has the verifiers by rule, one a file: mathematics, numbers, choices, texts, expressions.
//! - `command` runs programs and exchanges JSON lines with them; `http` posts the same to a service.
//! - `code` runs the code of a response on the tests of its problem, in the [`sandbox`].

mod code;
mod command;
mod error;
mod failing;
mod http;
mod kinds;
mod outcome;
pub mod sandbox;
mod text;
mod verifiers;
mod wire;

pub use error::{OpenError, Stopped};
pub use kinds::letters;
pub use verifiers::Verifiers;
