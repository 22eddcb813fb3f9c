//! Sums and products of canonical sums, paid for step by step.

use std::collections::BTreeMap;

use dashu_base::{BitTest, UnsignedAbs};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::poly::{Atom, Mono, Poly, Shared, bits, mono_size};
use crate::stop::{Budget, Stop};

/// Terms that a canonical sum may have.
pub(super) const MAX_TERMS: usize = 400;
/// Bits that an exact number may have.
pub(super) const MAX_BITS: usize = 32_768;
/// Bits that a number in an exponent may have: terms are kept in the order of their exponents, and
/// two fractions are compared by multiplying them.
const MAX_EXPONENT_BITS: u64 = 4_096;
/// Steps that copying one atom or term takes.
const COPY_STEPS: u64 = 48;

impl Poly {
    pub(crate) fn add(mut self, other: &Self, budget: &Budget) -> Result<Self, Stop> {
        budget.spend(20 * other.terms.len() as u64)?;
        pay_for_copy(other.size(), budget)?;
        for (mono, coefficient) in &other.terms {
            check(coefficient, budget)?;
            self.insert(mono.clone(), coefficient.clone());
        }
        if self.terms.len() > MAX_TERMS { Err(Stop::TooCostly) } else { Ok(self) }
    }

    pub(crate) fn neg(mut self) -> Self {
        for coefficient in self.terms.values_mut() {
            *coefficient = -std::mem::take(coefficient);
        }
        self
    }

    pub(crate) fn sub(self, other: &Self, budget: &Budget) -> Result<Self, Stop> {
        self.add(&other.clone().neg(), budget)
    }

    pub(crate) fn scale(mut self, factor: &RBig) -> Self {
        if factor.is_zero() {
            return Self::zero();
        }
        for coefficient in self.terms.values_mut() {
            *coefficient *= factor;
        }
        self
    }

    /// The product, multiplied out unless it is too long.
    pub(crate) fn mul(&self, other: &Self, budget: &Budget) -> Result<Self, Stop> {
        pay_for_copy(self.size().saturating_add(other.size()), budget)?;
        if let Some(value) = self.as_constant() {
            check(&value, budget)?;
            return Ok(other.clone().scale(&value));
        }
        if let Some(value) = other.as_constant() {
            check(&value, budget)?;
            return Ok(self.clone().scale(&value));
        }
        if self.terms.len() * other.terms.len() > MAX_TERMS {
            let factors = vec![
                (Atom::Sum(Shared::new(self.clone())), Self::int(1)),
                (Atom::Sum(Shared::new(other.clone())), Self::int(1)),
            ];
            return merged(RBig::ONE, factors, false, budget);
        }
        let mut sum = Self::zero();
        for (left, a) in &self.terms {
            for (right, b) in &other.terms {
                budget.spend(100 + 40 * (left.len() + right.len()) as u64)?;
                let factors = left.iter().chain(right).cloned().collect();
                let term = product(a * b, factors, budget)?;
                sum = sum.add(&term, budget)?;
            }
        }
        Ok(sum)
    }
}

fn pay_for_copy(size: u64, budget: &Budget) -> Result<(), Stop> {
    budget.spend(size.saturating_mul(COPY_STEPS))
}

/// Refuses numbers that are too long to compute with, and pays for the ones that are long.
pub(super) fn check(value: &RBig, budget: &Budget) -> Result<(), Stop> {
    let bits = bits(value);
    if bits > MAX_BITS as u64 {
        return Err(Stop::TooCostly);
    }
    // Fractions are reduced after every step, in time quadratic in their length.
    budget.spend(bits.pow(2) / 40_000)
}

/// A coefficient times powers of atoms, brought to one canonical term.
///
/// Exponents of the same atom add up; whole powers of whole numbers go into the coefficient;
/// powers of the imaginary unit are reduced.
pub(super) fn product(coefficient: RBig, factors: Mono, budget: &Budget) -> Result<Poly, Stop> {
    merged(coefficient, factors, true, budget)
}

/// The product; sums to the power one stay factors unless they are to be multiplied out.
fn merged(
    mut coefficient: RBig,
    factors: Mono,
    multiply_out: bool,
    budget: &Budget,
) -> Result<Poly, Stop> {
    pay_for_copy(mono_size(&factors), budget)?;
    let mut powers: BTreeMap<Atom, Poly> = BTreeMap::new();
    for (atom, exponent) in factors {
        let total = match powers.remove(&atom) {
            Some(present) => present.add(&exponent, budget)?,
            None => exponent,
        };
        powers.insert(atom, total);
    }
    let mut mono = Vec::with_capacity(powers.len());
    let mut sums: Vec<Shared> = Vec::new();
    for (atom, exponent) in powers {
        let exponent = match &atom {
            Atom::Int(base) => whole_part(base, exponent, &mut coefficient, budget)?,
            Atom::I => match exponent.as_integer() {
                Some(power) => {
                    let power: i64 =
                        (power % IBig::from(4)).try_into().map_err(|_| Stop::TooCostly)?;
                    let power = power.rem_euclid(4);
                    if power >= 2 {
                        coefficient = -coefficient;
                    }
                    Poly::int(power % 2)
                }
                None => exponent,
            },
            // A sum to the power one is multiplied out if it is short.
            Atom::Sum(inner)
                if multiply_out && exponent == Poly::int(1) && inner.terms.len() <= 40 =>
            {
                sums.push(inner.clone());
                Poly::zero()
            }
            _ => exponent,
        };
        if exponent.terms.values().any(|number| bits(number) > MAX_EXPONENT_BITS) {
            return Err(Stop::TooCostly);
        }
        if !exponent.is_zero() {
            mono.push((atom, exponent));
        }
    }
    check(&coefficient, budget)?;
    let mut result =
        if coefficient.is_zero() { Poly::zero() } else { Poly::term(coefficient, mono) };
    for inner in sums {
        budget.spend(50)?;
        result = result.mul(&inner, budget)?;
    }
    Ok(result)
}

/// Moves the whole part of an exponent of a number into the coefficient; the rest is returned.
fn whole_part(
    base: &UBig,
    exponent: Poly,
    coefficient: &mut RBig,
    budget: &Budget,
) -> Result<Poly, Stop> {
    let Some(fixed) = exponent.terms.get(&Vec::new()) else { return Ok(exponent) };
    let whole = fixed.floor();
    if whole.is_zero() {
        return Ok(exponent);
    }
    let size: usize = (&whole).unsigned_abs().try_into().map_err(|_| Stop::TooCostly)?;
    if size.saturating_mul(base.bit_len()) > MAX_BITS {
        return Err(Stop::TooCostly);
    }
    let power = RBig::from(base.pow(size));
    check(&power, budget)?;
    check(coefficient, budget)?;
    if whole > IBig::ZERO {
        *coefficient *= power;
    } else {
        *coefficient /= power;
    }
    let mut rest = exponent;
    rest.insert(Vec::new(), -RBig::from(whole));
    Ok(rest)
}
