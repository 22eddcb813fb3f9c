//! Canonical sums of terms.

use std::collections::BTreeMap;
use std::fmt;

use dashu_base::{BitTest, UnsignedAbs};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::shared::Shared;
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
/// Bits of a number that are copied as quickly as a term.
const COPY_BITS: u64 = 512;

/// A sum of terms: the coefficient of each monomial, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Poly {
    pub(super) terms: BTreeMap<Mono, RBig>,
}

/// A product of powers: each atom once, in order, no exponent zero.
pub(super) type Mono = Vec<(Atom, Poly)>;

/// What canonical forms are made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Atom {
    /// A whole number above one, a prime if it is small.
    Int(UBig),
    E,
    Pi,
    I,
    Var(String),
    /// A sum that is not multiplied out.
    Sum(Shared),
    /// A function that can be evaluated.
    Fn(&'static str, Vec<Poly>),
    /// A function that is only a name.
    Named(String, Vec<Poly>),
}

impl Poly {
    pub(crate) fn zero() -> Self {
        Self::default()
    }

    pub(crate) fn constant(value: RBig) -> Self {
        let mut terms = BTreeMap::new();
        if !value.is_zero() {
            terms.insert(Vec::new(), value);
        }
        Self { terms }
    }

    pub(crate) fn int(value: i64) -> Self {
        Self::constant(value.into())
    }

    pub(super) fn atom(atom: Atom) -> Self {
        Self::term(RBig::ONE, vec![(atom, Self::int(1))])
    }

    pub(super) fn term(coefficient: RBig, mono: Mono) -> Self {
        Self { terms: BTreeMap::from([(mono, coefficient)]) }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value, if this is a rational number.
    pub(crate) fn as_constant(&self) -> Option<RBig> {
        match self.terms.len() {
            0 => Some(RBig::ZERO),
            1 => self.terms.get(&Vec::new()).cloned(),
            _ => None,
        }
    }

    pub(super) fn as_integer(&self) -> Option<IBig> {
        self.as_constant().filter(RBig::is_int).map(|value| value.numerator().clone())
    }

    /// The only term, if there is one.
    pub(super) fn single(&self) -> Option<(&Mono, &RBig)> {
        if self.terms.len() == 1 { self.terms.iter().next() } else { None }
    }

    /// The atoms and terms of this and of everything below, as they would be written out.
    ///
    /// Exponents and arguments repeat what they are made of, so a short text may stand for a tree
    /// that grows exponentially: whoever copies a part pays for its size.
    pub(super) fn size(&self) -> u64 {
        self.terms.iter().fold(1, |size, (mono, coefficient)| {
            size.saturating_add(mono_size(mono)).saturating_add(bits(coefficient) / COPY_BITS)
        })
    }

    fn insert(&mut self, mono: Mono, coefficient: RBig) {
        use std::collections::btree_map::Entry;
        match self.terms.entry(mono) {
            Entry::Vacant(entry) => {
                if !coefficient.is_zero() {
                    entry.insert(coefficient);
                }
            }
            Entry::Occupied(mut entry) => {
                let sum = entry.get() + coefficient;
                if sum.is_zero() {
                    entry.remove();
                } else {
                    entry.insert(sum);
                }
            }
        }
    }

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

    pub(super) fn scale(mut self, factor: &RBig) -> Self {
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

    /// Whether this or anything below has an atom with a property.
    pub(super) fn any(&self, property: &dyn Fn(&Atom) -> bool) -> bool {
        self.terms.keys().flatten().any(|(atom, exponent)| {
            property(atom)
                || exponent.any(property)
                || match atom {
                    Atom::Sum(inner) => inner.any(property),
                    Atom::Fn(_, arguments) | Atom::Named(_, arguments) => {
                        arguments.iter().any(|argument| argument.any(property))
                    }
                    _ => false,
                }
        })
    }

    /// Whether there are variables or functions that are only names.
    pub(crate) fn has_names(&self) -> bool {
        self.any(&|atom| matches!(atom, Atom::Var(_) | Atom::Named(..)))
    }

    /// The coefficient of a variable and the rest, if the sum is linear in it.
    pub(crate) fn linear(&self, name: &str) -> Option<(RBig, Self)> {
        let mut slope = RBig::ZERO;
        let mut rest = Self::zero();
        let is_variable = |atom: &Atom| matches!(atom, Atom::Var(known) if known == name);
        for (mono, coefficient) in &self.terms {
            match mono.as_slice() {
                [(atom, exponent)] if is_variable(atom) && *exponent == Self::int(1) => {
                    slope.clone_from(coefficient);
                }
                _ => {
                    rest.insert(mono.clone(), coefficient.clone());
                }
            }
        }
        (!slope.is_zero() && !rest.any(&is_variable)).then_some((slope, rest))
    }

    /// The names of the variables.
    pub(crate) fn variables(&self) -> Vec<String> {
        let found = std::cell::RefCell::new(Vec::new());
        self.any(&|atom| {
            if let Atom::Var(name) = atom {
                let mut found = found.borrow_mut();
                if !found.contains(name) {
                    found.push(name.clone());
                }
            }
            false
        });
        found.into_inner()
    }
}

fn mono_size(mono: &[(Atom, Poly)]) -> u64 {
    mono.iter().fold(1, |size, (atom, exponent)| {
        let atom = match atom {
            Atom::Sum(inner) => inner.size(),
            Atom::Fn(_, arguments) | Atom::Named(_, arguments) => {
                arguments.iter().fold(1, |size, argument| argument.size().saturating_add(size))
            }
            _ => 1,
        };
        exponent.size().saturating_add(atom).saturating_add(size)
    })
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

fn bits(value: &RBig) -> u64 {
    (value.numerator().unsigned_abs().bit_len() + value.denominator().bit_len()) as u64
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

impl fmt::Display for Poly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        for (index, (mono, coefficient)) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" + ")?;
            }
            if mono.is_empty() || !coefficient.is_one() {
                write!(f, "{coefficient}")?;
            }
            for (position, (atom, exponent)) in mono.iter().enumerate() {
                if position > 0 || !coefficient.is_one() {
                    f.write_str("*")?;
                }
                write!(f, "{atom}")?;
                match exponent.as_constant() {
                    Some(one) if one.is_one() => {}
                    Some(value) if value.is_int() => write!(f, "^{value}")?,
                    _ => write!(f, "^({exponent})")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = |f: &mut fmt::Formatter<'_>, name: &str, arguments: &[Poly]| {
            write!(f, "{name}(")?;
            for (index, argument) in arguments.iter().enumerate() {
                write!(f, "{}{argument}", if index > 0 { ", " } else { "" })?;
            }
            f.write_str(")")
        };
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::E => f.write_str("e"),
            Self::Pi => f.write_str("pi"),
            Self::I => f.write_str("i"),
            Self::Var(name) => f.write_str(name),
            Self::Sum(inner) => write!(f, "({})", **inner),
            Self::Fn(name, arguments) => call(f, name, arguments),
            Self::Named(name, arguments) if arguments.is_empty() => f.write_str(name),
            Self::Named(name, arguments) => call(f, name, arguments),
        }
    }
}
