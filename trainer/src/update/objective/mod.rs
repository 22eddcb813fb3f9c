//! The mixed-policy objective (arXiv 2510.26109, section 3) and its variants, as a function of
//! tensors.
//!
//! ```text
//! J = sum over hinted tokens     w f(rho) A
//!   + sum over on-policy tokens  w c S(r, A)
//!   - beta  sum over all tokens  w kl
//!
//! r   = pi_theta(o_t | q) / pi_old(o_t | q)
//! rho = pi_theta(o_t | q) / pi_old(o_t | hint, q)        (other denominators: Denominator)
//! f(x) = x / (x + gamma)
//! ```
//!
//! Objectives differ in the surrogate S and the weights w: one file each.
//! c is 1, or corrects for a sampler mismatch ([`correction`]).
//!
//! Inputs have one number a token, of any floating kind, so that tests can
//! differentiate in f64. Letters in shapes: N tokens of a micro-batch, all samples one after
//! another; S samples.

pub mod cispo;
pub mod clipped;
pub mod correction;
pub mod dapo;
pub mod dr_grpo;
pub mod grpo;
pub mod gspo;
pub mod kl;
pub mod lte;
mod tokens;
mod totals;
mod value;

pub use correction::Corrected;
pub use tokens::{Surrogate, Tokens};
pub use totals::{PartTotals, Totals};
pub use value::{Value, value, weight};
