//! Binary floating-point numbers of a chosen precision.
//!
//! A number is a mantissa times a power of two. Results are cut to the precision, not rounded: the
//! comparison allows for the last bits. Sizes are unbounded up to exponents of 62 bits.

use dashu_base::{BitTest, SquareRoot, UnsignedAbs};
use dashu_int::IBig;
use dashu_ratio::RBig;

use crate::stop::Stop;

/// Exponents larger than this stop the computation.
const MAX_EXPONENT: i64 = 1 << 60;
/// Bits of the longest fixed-point number.
const MAX_FIXED: i64 = 1 << 12;

/// A mantissa times a power of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Float {
    pub(super) mantissa: IBig,
    pub(super) exponent: i64,
}

impl Float {
    pub(super) const ZERO: Self = Self { mantissa: IBig::ZERO, exponent: 0 };

    pub(super) fn int(value: i64) -> Self {
        Self { mantissa: value.into(), exponent: 0 }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    pub(super) fn is_negative(&self) -> bool {
        self.mantissa < IBig::ZERO
    }

    /// The power of two just above the size; the least number for zero.
    pub(super) fn magnitude(&self) -> i64 {
        if self.is_zero() { i64::MIN } else { self.exponent + bits(&self.mantissa) }
    }

    pub(super) fn neg(&self) -> Self {
        Self { mantissa: -&self.mantissa, exponent: self.exponent }
    }

    pub(super) fn abs(&self) -> Self {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    /// The number times a power of two.
    pub(super) fn shift(&self, by: i64) -> Self {
        Self { mantissa: self.mantissa.clone(), exponent: self.exponent + by }
    }

    /// The number as a fixed-point integer with so many bits after the point, rounded down; one
    /// that is too long to write out costs too much.
    pub(super) fn fixed(&self, places: i64) -> Result<IBig, Stop> {
        if !self.is_zero() && self.magnitude() + places > MAX_FIXED {
            return Err(Stop::TooCostly);
        }
        Ok(shifted(&self.mantissa, self.exponent + places))
    }

    /// The largest whole number that is not above this one.
    pub(super) fn floor(&self) -> Result<Self, Stop> {
        if self.exponent >= 0 {
            return Ok(self.clone());
        }
        Ok(Self { mantissa: self.fixed(0)?, exponent: 0 })
    }

    pub(super) fn from_fixed(value: IBig, places: i64) -> Self {
        Self { mantissa: value, exponent: -places }
    }
}

pub(super) fn bits(value: &IBig) -> i64 {
    value.unsigned_abs().bit_len() as i64
}

/// An integer times a power of two, rounded down.
pub(super) fn shifted(value: &IBig, by: i64) -> IBig {
    if by >= 0 {
        value << by as usize
    } else if -by > bits(value) {
        IBig::ZERO
    } else {
        value >> (-by) as usize
    }
}

/// The four operations and the square root at a precision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Precision(pub(super) i64);

impl Precision {
    /// Cuts a number to the precision.
    pub(super) fn cut(self, value: Float) -> Result<Float, Stop> {
        let excess = bits(&value.mantissa) - self.0;
        let cut = if excess > 0 {
            Float { mantissa: value.mantissa >> excess as usize, exponent: value.exponent + excess }
        } else {
            value
        };
        if cut.exponent.abs() > MAX_EXPONENT { Err(Stop::TooCostly) } else { Ok(cut) }
    }

    pub(super) fn add(self, a: &Float, b: &Float) -> Result<Float, Stop> {
        if a.is_zero() {
            return Ok(b.clone());
        }
        if b.is_zero() {
            return Ok(a.clone());
        }
        // What lies below the last bit of the larger one is cut away.
        let (large, little) = if a.magnitude() >= b.magnitude() { (a, b) } else { (b, a) };
        if large.magnitude() - little.magnitude() > self.0 + 2 {
            return Ok(large.clone());
        }
        let exponent = large.exponent.min(little.exponent);
        let sum = shifted(&large.mantissa, large.exponent - exponent)
            + shifted(&little.mantissa, little.exponent - exponent);
        self.cut(Float { mantissa: sum, exponent })
    }

    pub(super) fn sub(self, a: &Float, b: &Float) -> Result<Float, Stop> {
        self.add(a, &b.neg())
    }

    pub(super) fn mul(self, a: &Float, b: &Float) -> Result<Float, Stop> {
        if a.is_zero() || b.is_zero() {
            return Ok(Float::ZERO);
        }
        self.cut(Float { mantissa: &a.mantissa * &b.mantissa, exponent: a.exponent + b.exponent })
    }

    /// The quotient; division by zero has no value.
    pub(super) fn div(self, a: &Float, b: &Float) -> Result<Float, Stop> {
        if b.is_zero() {
            return Err(Stop::Undefined);
        }
        let shift = (self.0 + bits(&b.mantissa) - bits(&a.mantissa) + 2).max(0);
        self.cut(Float {
            mantissa: (&a.mantissa << shift as usize) / &b.mantissa,
            exponent: a.exponent - b.exponent - shift,
        })
    }

    /// The square root of a number that is not negative.
    pub(super) fn sqrt(self, a: &Float) -> Result<Float, Stop> {
        if a.is_zero() {
            return Ok(Float::ZERO);
        }
        let mut shift = (2 * self.0 - bits(&a.mantissa) + 2).max(0);
        if (a.exponent - shift) % 2 != 0 {
            shift += 1;
        }
        let root = ((&a.mantissa).unsigned_abs() << shift as usize).sqrt();
        self.cut(Float { mantissa: root.into(), exponent: (a.exponent - shift) / 2 })
    }

    pub(super) fn rational(self, value: &RBig) -> Result<Float, Stop> {
        let top = Float { mantissa: value.numerator().clone(), exponent: 0 };
        if value.is_int() {
            return self.cut(top);
        }
        let bottom = Float { mantissa: value.denominator().clone().into(), exponent: 0 };
        self.div(&top, &bottom)
    }
}
