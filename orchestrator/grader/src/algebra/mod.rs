//! Scalars: canonical forms by exact arithmetic, and values by floating point.
//!
//! A scalar is first brought to a sum of terms with exact rational coefficients, [`Poly`]. Equal
//! forms are equal; forms that differ are evaluated at random points, at 128 bits and again at 256:
//! a difference that keeps its size when the precision doubles is a difference.

mod arithmetic;
mod canon;
mod divisors;
mod equal;
mod eval;
mod float;
mod functions;
mod infinity;
mod poly;
mod power;
mod print;
mod transcendental;

pub(crate) use canon::{Reading, canon};
pub(crate) use equal::{Order, order, proportional, same};
pub(crate) use poly::Poly;
