//! Arithmetic in dialects: the small world of the demo, made so that a hint can matter.
//!
//! A problem names a dialect and an expression such as `5 - 2 * 3`. Each dialect reads expressions
//! in one of four ways ([`Reading`]). The cold start trains a small model on six dialects correctly and
//! on four *new* ones wrongly: it always reads those in the usual order. This is a systematic
//! misconception with few distinct wrong answers, so a list of the wrong answers points away from
//! it; sampling again does not.
//!
//! - [`Expression`], [`Reading`]: the arithmetic;
//! - [`Dialect`]: a name and its reading;
//! - [`problems`]: training and held-out problems, over disjoint expressions;
//! - [`cold_start`]: examples for supervised fine-tuning before reinforcement learning;
//! - [`wording`]: the texts of all of these;
//! - [`folder`]: a model folder without weights whose tokenizer has these texts' phrases.

pub mod arithmetic;
pub mod cold_start;
pub mod dialect;
pub mod folder;
pub mod problems;
pub mod wording;

pub use arithmetic::{Expression, Reading};
pub use dialect::Dialect;
