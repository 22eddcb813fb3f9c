//! Infinity in sums and products: it keeps its sign, or there is no value.
//!
//! Infinity plus a number is infinity; infinity less infinity, nought times infinity and everything
//! else that a limit would have to decide has no value.

use dashu_base::Signed;
use dashu_ratio::RBig;

use super::poly::{Atom, Poly};
use crate::stop::{Budget, Stop};

const SIGN: &str = "∞";

pub(super) fn positive() -> Poly {
    Poly::atom(Atom::Named(SIGN.to_owned(), Vec::new()))
}

/// Whether a sum is infinite, and if so whether it is above zero.
fn sign(sum: &Poly) -> Option<bool> {
    let (mono, coefficient) = sum.single()?;
    match mono.as_slice() {
        [(Atom::Named(name, arguments), _)] if name == SIGN && arguments.is_empty() => {
            Some(coefficient.is_positive())
        }
        _ => None,
    }
}

fn infinite(above: bool) -> Poly {
    if above { positive() } else { positive().neg() }
}

/// A sum that must be finite to go on.
pub(super) fn finite(sum: Poly) -> Result<Poly, Stop> {
    if sign(&sum).is_some() { Err(Stop::Undefined) } else { Ok(sum) }
}

pub(super) fn sum(a: Poly, b: &Poly, budget: &Budget) -> Result<Poly, Stop> {
    match (sign(&a), sign(b)) {
        (None, None) => a.add(b, budget),
        (Some(above), Some(other)) if above != other => Err(Stop::Undefined),
        (Some(above), _) | (None, Some(above)) => Ok(infinite(above)),
    }
}

pub(super) fn product(a: &Poly, b: &Poly, budget: &Budget) -> Result<Poly, Stop> {
    let (above, times) = match (sign(a), sign(b)) {
        (None, None) => return a.mul(b, budget),
        (Some(above), Some(other)) => return Ok(infinite(above == other)),
        (Some(above), None) => (above, b),
        (None, Some(above)) => (above, a),
    };
    match times.as_constant() {
        Some(value) if value > RBig::ZERO => Ok(infinite(above)),
        Some(value) if value < RBig::ZERO => Ok(infinite(!above)),
        _ => Err(Stop::Undefined),
    }
}
