//! Learning to reason from trial and error (LTE, arXiv 2510.26109), as pure functions.
//!
//! In reinforcement learning with verifiable rewards a problem whose G rollouts all fail has no
//! advantage anywhere and teaches nothing. LTE gives such a problem a second trial, hinted with the
//! model's own wrong answers, and learns from the hinted successes as off-policy samples of the
//! un-hinted problem. One step, in the order of this crate's modules:
//!
//! 1. [`GroupOutcome`]: did all, some or none of the rollouts of a problem pass?
//! 2. [`second_trial`]: which prompt a none-pass problem gets, by how its failures were truncated.
//!    A hint that would give the right answer away lists nothing ([`AnswerSpace`]). As a control it can
//!    list wrong answers of other problems ([`Whose`]).
//! 3. [`Templates`]: the words of that prompt.
//! 4. [`refine()`]: correct extra rollouts replace failures at random; the group keeps its size.
//! 5. [`advantages`]: group-relative advantages over the refined group.
//! 6. [`samples`]: what the trainer gets, each response against the un-hinted prompt.
//!
//! No I/O, no clock, no random source of its own: every function that draws takes a [`Seed`].

mod advantage;
mod batch;
mod group;
mod hint;
mod overlong;
mod prompt;
mod refine;
mod seed;
mod shuffle;
mod space;

pub use advantage::{Spread, advantages};
pub use batch::{Response, samples};
pub use group::{GroupOutcome, Reward};
pub use hint::{Attempt, HintKind, Memory, Method, SecondTrial, second_trial, wrong_answers};
pub use overlong::Overlong;
pub use prompt::{InvalidTemplate, Templates};
pub use refine::{MaxReplacements, Member, guide, refine};
pub use seed::Seed;
pub use shuffle::Whose;
pub use space::{AnswerSpace, Closed, Golds};
