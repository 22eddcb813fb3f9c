//! Powers and roots of canonical sums.

use dashu_base::{Abs, BitTest, Signed, UnsignedAbs};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::arithmetic::{MAX_BITS, MAX_TERMS, product};
use super::poly::{Atom, Mono, Poly, Shared};
use crate::stop::{Budget, Stop};

/// Primes that numbers under roots are divided by.
const PRIMES: [u16; 46] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193,
    197, 199,
];

impl Poly {
    /// The power of a sum; undefined powers of zero are errors.
    pub(crate) fn pow(&self, exponent: &Self, budget: &Budget) -> Result<Self, Stop> {
        budget.spend(100)?;
        match exponent.as_constant() {
            Some(power) => self.constant_power(&power, budget),
            None => self.general_power(exponent, budget),
        }
    }

    /// One over a sum.
    pub(crate) fn recip(&self, budget: &Budget) -> Result<Self, Stop> {
        self.pow(&Self::int(-1), budget)
    }

    fn constant_power(&self, power: &RBig, budget: &Budget) -> Result<Self, Stop> {
        if self.is_zero() {
            // Zero to the power zero or less has no value.
            return if power.is_positive() && !power.is_zero() {
                Ok(Self::zero())
            } else {
                Err(Stop::Syntax)
            };
        }
        if power.is_zero() {
            return Ok(Self::int(1));
        }
        if power.is_one() {
            return Ok(self.clone());
        }
        if let Some(value) = self.as_constant() {
            return number_power(&value, power, budget);
        }
        match self.single() {
            Some((mono, coefficient)) if power.is_int() => {
                let factors = raise(mono, power);
                let number = number_power(coefficient, power, budget)?;
                number.mul(&product(RBig::ONE, factors, budget)?, budget)
            }
            Some((mono, coefficient)) => root_of_term(mono, coefficient, power, budget),
            None => self.sum_power(power, budget),
        }
    }

    /// A constant power of a sum of several terms.
    fn sum_power(&self, power: &RBig, budget: &Budget) -> Result<Self, Stop> {
        let small: Option<usize> =
            if power.is_int() { power.numerator().clone().try_into().ok() } else { None };
        if let Some(times) = small.filter(|times| *times <= 64)
            && binomial_at_most(self.terms.len() + times - 1, times, MAX_TERMS / 2)
        {
            let mut result = self.clone();
            for _ in 1..times {
                result = result.mul(self, budget)?;
            }
            return Ok(result);
        }
        // Pull the leading coefficient out, so that multiples share their base.
        let lead = self.terms.values().next().ok_or(Stop::Syntax)?.clone();
        let factor = if power.is_int() { lead } else { lead.abs() };
        let base = self.clone().scale(&(RBig::ONE / &factor));
        let atom = product(
            RBig::ONE,
            vec![(Atom::Sum(Shared::new(base)), Self::constant(power.clone()))],
            budget,
        )?;
        number_power(&factor, power, budget)?.mul(&atom, budget)
    }

    /// A power whose exponent is not a number.
    fn general_power(&self, exponent: &Self, budget: &Budget) -> Result<Self, Stop> {
        if self.is_zero() {
            return Err(Stop::Syntax);
        }
        if let Some((mono, coefficient)) = self.single() {
            let positive = mono.iter().all(|(atom, _)| is_positive(atom));
            let variable = matches!(mono.as_slice(), [(Atom::Var(_), one)] if *one == Self::int(1));
            if coefficient.is_positive() && (positive || variable) {
                let mut factors = Vec::new();
                for (atom, inner) in mono {
                    factors.push((atom.clone(), inner.mul(exponent, budget)?));
                }
                for (base, times) in factor(coefficient, budget)? {
                    let total = exponent.clone().scale(&RBig::from(times));
                    factors.push((Atom::Int(base), total));
                }
                return product(RBig::ONE, factors, budget);
            }
        }
        let atom = Atom::Sum(Shared::new(self.clone()));
        product(RBig::ONE, vec![(atom, exponent.clone())], budget)
    }
}

/// Whether an atom stands for a positive number.
fn is_positive(atom: &Atom) -> bool {
    matches!(atom, Atom::Int(_) | Atom::E | Atom::Pi)
}

fn raise(mono: &Mono, power: &RBig) -> Mono {
    mono.iter().map(|(atom, exponent)| (atom.clone(), exponent.clone().scale(power))).collect()
}

/// A root of one term: of its positive factors one by one, of the others together.
fn root_of_term(
    mono: &Mono,
    coefficient: &RBig,
    power: &RBig,
    budget: &Budget,
) -> Result<Poly, Stop> {
    let real = |exponent: &Poly| exponent.as_constant().is_some();
    let (positive, mut rest): (Mono, Mono) =
        mono.iter().cloned().partition(|(atom, exponent)| is_positive(atom) && real(exponent));
    let positive = product(RBig::ONE, raise(&positive, power), budget)?;
    let number = number_power(&coefficient.clone().abs(), power, budget)?;
    let negative = coefficient.is_negative();
    let lone = matches!(rest.as_slice(), [(Atom::Var(_), one)] if *one == Poly::int(1));
    let other = if rest.is_empty() {
        number_power(&if negative { -RBig::ONE } else { RBig::ONE }, power, budget)?
    } else if lone && !negative {
        product(RBig::ONE, raise(&rest, power), budget)?
    } else {
        let sign = if negative { -RBig::ONE } else { RBig::ONE };
        rest.sort();
        let base = Atom::Sum(Shared::new(Poly::term(sign, rest)));
        Poly::term(RBig::ONE, vec![(base, Poly::constant(power.clone()))])
    };
    positive.mul(&number, budget)?.mul(&other, budget)
}

/// A power of a number other than zero.
fn number_power(base: &RBig, power: &RBig, budget: &Budget) -> Result<Poly, Stop> {
    if power.is_int() {
        let bits = base.numerator().unsigned_abs().bit_len().max(base.denominator().bit_len());
        let times: Option<usize> = power.numerator().unsigned_abs().try_into().ok();
        let fits = |times: &usize| times.saturating_mul(bits) <= MAX_BITS;
        if base.is_one() {
            return Ok(Poly::int(1));
        }
        if (-base).is_one() {
            let odd = power.numerator().unsigned_abs().bit(0);
            return Ok(Poly::int(if odd { -1 } else { 1 }));
        }
        let Some(times) = times.filter(fits) else {
            // Too long to write down: kept as it is, compared by form or by size.
            let arguments = vec![Poly::constant(base.clone()), Poly::constant(power.clone())];
            return Ok(Poly::atom(Atom::Fn("power", arguments)));
        };
        let length = times.saturating_mul(bits) as u64;
        budget.spend(length / 4 + length.pow(2) / 40_000)?;
        let (top, bottom) = base.clone().into_parts();
        let value = RBig::from_parts(top.pow(times), bottom.pow(times));
        return Ok(Poly::constant(if power.is_negative() { RBig::ONE / value } else { value }));
    }
    let mut factors = Vec::new();
    let mut sign = RBig::ONE;
    if base.is_negative() {
        let denominator = power.denominator();
        if denominator.bit(0) {
            // Odd roots of negative numbers are real, as schools teach.
            if power.numerator().unsigned_abs().bit(0) {
                sign = -sign;
            }
        } else if *denominator == UBig::from(2_u8) {
            factors.push((Atom::I, Poly::constant(power.numerator().clone().into())));
        } else {
            let minus = Atom::Sum(Shared::new(Poly::int(-1)));
            factors.push((minus, Poly::constant(power.clone())));
        }
    }
    let size = base.clone().abs();
    for (prime, times) in factor(&size, budget)? {
        factors.push((Atom::Int(prime), Poly::constant(power * RBig::from(times))));
    }
    product(sign, factors, budget)
}

/// The factors of a positive number with their powers: small primes, and what is left over.
pub(super) fn factor(value: &RBig, budget: &Budget) -> Result<Vec<(UBig, IBig)>, Stop> {
    let (top, bottom) = value.clone().into_parts();
    let mut found = Vec::new();
    for (part, sign) in [(top.unsigned_abs(), 1), (bottom, -1)] {
        let mut rest = part;
        budget.spend(200 + rest.bit_len() as u64 * 4)?;
        for prime in PRIMES {
            if rest.is_one() {
                break;
            }
            let prime = UBig::from(prime);
            let times = rest.remove(&prime).unwrap_or(0);
            if times > 0 {
                found.push((prime, IBig::from(times) * sign));
            }
        }
        if !rest.is_one() {
            let (root, times) = perfect_power(&rest);
            found.push((root, IBig::from(times) * sign));
        }
    }
    Ok(found)
}

/// The root and the exponent of a perfect square or cube; the number itself otherwise.
fn perfect_power(value: &UBig) -> (UBig, usize) {
    if value.bit_len() <= 512 {
        for times in [2_usize, 3] {
            let root = value.nth_root(times);
            if root.pow(times) == *value {
                return (root, times);
            }
        }
    }
    (value.clone(), 1)
}

/// Whether a binomial coefficient is at most a bound.
fn binomial_at_most(n: usize, k: usize, bound: usize) -> bool {
    let k = k.min(n - k);
    let mut value = 1_usize;
    for i in 0..k {
        value = value * (n - i) / (i + 1);
        if value > bound {
            return false;
        }
    }
    true
}
