//! Greatest common divisors and least common multiples, of numbers and of single terms.

use dashu_base::{Abs, Gcd, UnsignedAbs};
use dashu_int::UBig;
use dashu_ratio::RBig;

use super::arithmetic::product;
use super::poly::{Atom, Mono, Poly, Shared};
use crate::stop::{Budget, Stop};

/// A term without its sign: a rational number and powers of variables.
type Term = (RBig, Mono);

pub(super) fn gcd(arguments: &[Poly], budget: &Budget) -> Result<Poly, Stop> {
    let mut terms = arguments.iter().map(term);
    let mut result = terms.next().ok_or(Stop::Syntax)?;
    for next in terms {
        budget.spend(100)?;
        result = common(&result, &next);
    }
    product(result.0, result.1, budget)
}

pub(super) fn lcm(arguments: &[Poly], budget: &Budget) -> Result<Poly, Stop> {
    let (first, rest) = arguments.split_first().ok_or(Stop::Syntax)?;
    let mut result = first.clone();
    for next in rest {
        budget.spend(100)?;
        let (a, b) = (term(&result), term(next));
        let (factor, mono) = common(&a, &b);
        if factor.is_zero() {
            return Ok(Poly::zero());
        }
        let shared = product(factor, mono, budget)?;
        result = result.mul(next, budget)?.mul(&shared.recip(budget)?, budget)?;
        if over_a_field(&a, &b)
            && let Some((mono, _)) = result.single()
        {
            result = Poly::term(RBig::ONE, mono.clone());
        }
    }
    let (factor, mono) = term(&result);
    if result.single().is_some() { product(factor, mono, budget) } else { Ok(result) }
}

/// Whether terms in variables have fractions: numbers then divide each other and do not count.
fn over_a_field(a: &Term, b: &Term) -> bool {
    let variables = |term: &Term| term.1.iter().any(|(atom, _)| matches!(atom, Atom::Var(_)));
    (variables(a) || variables(b)) && !(a.0.is_int() && b.0.is_int())
}

/// The only term of a sum without its sign; a sum of several terms counts as one unknown.
fn term(poly: &Poly) -> Term {
    if poly.is_zero() {
        return (RBig::ZERO, Vec::new());
    }
    match poly.single() {
        Some((mono, coefficient)) => (coefficient.clone().abs(), mono.clone()),
        None => (RBig::ONE, vec![(Atom::Sum(Shared::new(poly.clone())), Poly::int(1))]),
    }
}

fn common(a: &Term, b: &Term) -> Term {
    if a.0.is_zero() {
        return b.clone();
    }
    if b.0.is_zero() {
        return a.clone();
    }
    let mut mono = Vec::new();
    for (atom, exponent) in &a.1 {
        let Some((_, other)) = b.1.iter().find(|(other, _)| other == atom) else { continue };
        if let (Some(x), Some(y)) = (exponent.as_constant(), other.as_constant()) {
            mono.push((atom.clone(), Poly::constant(x.min(y))));
        } else if exponent == other {
            mono.push((atom.clone(), exponent.clone()));
        }
    }
    // Irrational numbers share nothing but themselves: the divisor is one, not a fraction.
    let irrational = |term: &Term| {
        term.1.iter().any(|(atom, _)| matches!(atom, Atom::Int(_) | Atom::Pi | Atom::E | Atom::I))
    };
    if over_a_field(a, b) || (irrational(a) || irrational(b)) && a.1 != b.1 {
        return (RBig::ONE, mono);
    }
    (divisor(&a.0, &b.0), mono)
}

/// The greatest rational number that both are whole multiples of.
fn divisor(a: &RBig, b: &RBig) -> RBig {
    let top = a.numerator().unsigned_abs().gcd(&b.numerator().unsigned_abs());
    let shared: UBig = a.denominator().gcd(b.denominator());
    let bottom = a.denominator() / shared * b.denominator();
    RBig::from_parts(top.into(), bottom)
}
