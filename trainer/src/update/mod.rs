//! One update of the policy on a batch, and what it is made of.
//!
//! [`Learner`] cuts the batch ([`micro_batch`], [`sequences`]), takes each micro-batch through the
//! model and back ([`forward_backward`], [`head`]), by the slope of the [`objective`], sums the
//! [`gradients`], clips them ([`clipping`]) and steps ([`adamw`]). [`metrics`] measures on the way.

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
