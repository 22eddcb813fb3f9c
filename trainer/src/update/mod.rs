//! One update of the policy on a batch, and its parts.
//!
//! [`Learner`] cuts the batch ([`micro_batch`], [`sequences`]), runs the forward and backward pass of each
//! micro-batch ([`forward_backward`], [`head`]) with the gradient of the [`objective`], sums the
//! [`gradients`], clips them ([`clipping`]) and steps ([`adamw`]). [`metrics`] are measured on the way.

pub mod adamw;
pub mod clipping;
mod entropy;
mod error;
pub mod forward_backward;
pub mod gradients;
pub mod head;
mod learner;
pub mod metrics;
pub mod micro_batch;
pub mod objective;
pub mod sequences;

pub use error::LearnError;
pub use learner::{Learner, logprobs};
