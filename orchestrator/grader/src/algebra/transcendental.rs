//! Exponential, logarithm and circular functions of real numbers, in fixed-point series.

use std::sync::OnceLock;

use dashu_base::{SquareRoot, UnsignedAbs};
use dashu_int::IBig;

use super::float::{Float, Precision, bits, shifted};
use crate::stop::Stop;

/// Bits after the point of the constants that are kept.
const KEPT: i64 = 768;
/// Bits more than the precision that series are computed with.
const GUARD: i64 = 48;
/// Arguments of the exponential above this power of two stop the computation.
const MAX_EXP: i64 = 44;
/// Angles above this power of two stop the computation.
const MAX_ANGLE: i64 = 128;

/// Pi as a fixed-point number with so many bits after the point, by Machin's formula.
fn pi(places: i64) -> IBig {
    static PI: OnceLock<IBig> = OnceLock::new();
    let kept = PI.get_or_init(|| {
        let one = IBig::ONE << (KEPT + 32) as usize;
        let arctan = |n: i64| arctan_series(&(&one / IBig::from(n)), KEPT + 32);
        (arctan(5) * IBig::from(16) - arctan(239) * IBig::from(4)) >> 32
    });
    shifted(kept, places - KEPT)
}

/// The logarithm of two as a fixed-point number.
fn ln2(places: i64) -> IBig {
    static LN2: OnceLock<IBig> = OnceLock::new();
    let kept = LN2.get_or_init(|| {
        let third = (IBig::ONE << (KEPT + 32) as usize) / IBig::from(3);
        (artanh_series(&third, KEPT + 32) * IBig::from(2)) >> 32
    });
    shifted(kept, places - KEPT)
}

/// x - x^3/3 + x^5/5 - ...
fn arctan_series(x: &IBig, places: i64) -> IBig {
    odd_series(x, places, true)
}

/// x + x^3/3 + x^5/5 + ...
fn artanh_series(x: &IBig, places: i64) -> IBig {
    odd_series(x, places, false)
}

fn odd_series(x: &IBig, places: i64, alternating: bool) -> IBig {
    let square = (x * x) >> places as usize;
    let mut power = x.clone();
    let mut sum = x.clone();
    let mut n = 1_i64;
    loop {
        power = (&power * &square) >> places as usize;
        n += 2;
        let term = &power / IBig::from(n);
        // A negative power is rounded down to -1 for ever.
        if term.is_zero() || bits(&power) <= 1 {
            return sum;
        }
        if alternating && n % 4 == 3 {
            sum -= term;
        } else {
            sum += term;
        }
    }
}

impl Precision {
    pub(super) fn pi(self) -> Float {
        let places = self.0 + 8;
        Float::from_fixed(pi(places), places)
    }

    pub(super) fn exp(self, x: &Float) -> Result<Float, Stop> {
        if x.magnitude() > MAX_EXP {
            return Err(Stop::TooCostly);
        }
        let places = self.0 + GUARD + MAX_EXP;
        let fixed = x.fixed(places)?;
        let unit = ln2(places);
        let mut times = &fixed / &unit;
        let mut rest = &fixed - &times * &unit;
        if rest < IBig::ZERO {
            rest += &unit;
            times -= IBig::ONE;
        }
        // exp(r) = exp(r / 2^8)^(2^8).
        rest >>= 8;
        let one = IBig::ONE << places as usize;
        let mut sum = &one + &rest;
        let mut term = rest.clone();
        for n in 2_i64.. {
            term = ((&term * &rest) >> places as usize) / IBig::from(n);
            if term.is_zero() {
                break;
            }
            sum += &term;
        }
        for _ in 0..8 {
            sum = (&sum * &sum) >> places as usize;
        }
        let times: i64 = times.try_into().map_err(|_| Stop::TooCostly)?;
        self.cut(Float::from_fixed(sum, places).shift(times))
    }

    /// The logarithm of a positive number.
    pub(super) fn ln(self, x: &Float) -> Result<Float, Stop> {
        if x.is_zero() || x.is_negative() {
            return Err(Stop::Undefined);
        }
        let places = self.0 + GUARD;
        let length = bits(&x.mantissa);
        let mut times = x.exponent + length - 1;
        let mut mantissa = shifted(&x.mantissa, places - (length - 1));
        let one = IBig::ONE << places as usize;
        // Near one from below there is no cancellation if the mantissa is near one, too.
        if mantissa > &one + (&one >> 1_usize) {
            mantissa >>= 1_usize;
            times += 1;
        }
        let ratio = ((&mantissa - &one) << places as usize) / (&mantissa + &one);
        let negative = ratio < IBig::ZERO;
        let size: IBig = ratio.unsigned_abs().into();
        let series = artanh_series(&size, places) * IBig::from(2);
        let series = if negative { -series } else { series };
        let whole = ln2(places + 64) * IBig::from(times);
        self.cut(Float::from_fixed(shifted(&whole, -64) + series, places))
    }

    /// Sine and cosine.
    pub(super) fn sin_cos(self, x: &Float) -> Result<(Float, Float), Stop> {
        let magnitude = x.magnitude();
        if magnitude > MAX_ANGLE {
            return Err(Stop::TooCostly);
        }
        if magnitude < -self.0 {
            return Ok((x.clone(), Float::int(1)));
        }
        let places = self.0 + GUARD + magnitude.abs();
        let fixed = x.fixed(places)?;
        let quarter = pi(places) >> 1_usize;
        let half = &quarter >> 1_usize;
        // Rounded to the nearest quarter turn.
        let shifted_up = &fixed + &half;
        let mut turns = &shifted_up / &quarter;
        if shifted_up < IBig::ZERO {
            turns -= IBig::ONE;
        }
        let rest = &fixed - &turns * &quarter;
        let square = (&rest * &rest) >> places as usize;
        let one = IBig::ONE << places as usize;
        let series = |start: &IBig, first: i64| {
            let mut sum = start.clone();
            let mut term = start.clone();
            let mut n = first;
            loop {
                term = -(((&term * &square) >> places as usize) / IBig::from(n * (n + 1)));
                if term.is_zero() || bits(&term) <= 1 {
                    return sum;
                }
                sum += &term;
                n += 2;
            }
        };
        let sine = series(&rest, 2);
        let cosine = series(&one, 1);
        let quadrant: i64 = (turns % IBig::from(4)).try_into().map_err(|_| Stop::TooCostly)?;
        let (sine, cosine) = match quadrant.rem_euclid(4) {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            2 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
        Ok((
            self.cut(Float::from_fixed(sine, places))?,
            self.cut(Float::from_fixed(cosine, places))?,
        ))
    }

    pub(super) fn atan(self, x: &Float) -> Result<Float, Stop> {
        if x.magnitude() < -self.0 {
            return Ok(x.clone());
        }
        if x.is_negative() {
            return Ok(self.atan(&x.neg())?.neg());
        }
        if x.magnitude() > 1 {
            let rest = self.atan(&self.div(&Float::int(1), x)?)?;
            return self.sub(&self.pi().shift(-1), &rest);
        }
        let places = self.0 + GUARD + x.magnitude().abs();
        let one = IBig::ONE << places as usize;
        let mut value = x.fixed(places)?;
        // atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))).
        for _ in 0..4 {
            let square = (&one << places as usize) + &value * &value;
            let root: IBig = square.unsigned_abs().sqrt().into();
            value = (&value << places as usize) / (&one + root);
        }
        self.cut(Float::from_fixed(arctan_series(&value, places) << 4_usize, places))
    }

    /// The angle of a point that is not the origin.
    pub(super) fn atan2(self, y: &Float, x: &Float) -> Result<Float, Stop> {
        if y.is_zero() {
            return Ok(if x.is_negative() { self.pi() } else { Float::ZERO });
        }
        if x.is_zero() {
            let right = self.pi().shift(-1);
            return Ok(if y.is_negative() { right.neg() } else { right });
        }
        let angle = self.atan(&self.div(y, x)?)?;
        match (x.is_negative(), y.is_negative()) {
            (false, _) => Ok(angle),
            (true, false) => self.add(&angle, &self.pi()),
            (true, true) => self.sub(&angle, &self.pi()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &Float, b: f64) -> bool {
        let places = 60;
        let difference = a.fixed(places).unwrap()
            - IBig::try_from((b * 2_f64.powi(60)).round()).unwrap_or_default();
        bits(&difference) < 16
    }

    #[test]
    fn functions_agree_with_the_machine() {
        let p = Precision(128);
        for (top, bottom) in [(1, 1), (-3, 2), (1, 7), (5, 1), (-1, 100), (22, 7)] {
            let x = p.div(&Float::int(top), &Float::int(bottom)).unwrap();
            let f = top as f64 / bottom as f64;
            let (sin, cos) = p.sin_cos(&x).unwrap();
            assert!(close(&sin, f.sin()) && close(&cos, f.cos()), "{f}");
            assert!(close(&p.exp(&x).unwrap(), f.exp()) || f > 4.0, "{f}");
            assert!(close(&p.atan(&x).unwrap(), f.atan()), "{f}");
            assert!(f < 0.0 || close(&p.ln(&x).unwrap(), f.ln()), "{f}");
        }
    }

    #[test]
    fn inverse_functions_undo_each_other_to_the_last_bits() {
        let p = Precision(256);
        let x = p.div(&Float::int(17), &Float::int(13)).unwrap();
        let back = p.ln(&p.exp(&x).unwrap()).unwrap();
        assert!(p.sub(&x, &back).unwrap().magnitude() < -240);
        let (sin, cos) = p.sin_cos(&x).unwrap();
        let back = p.atan2(&sin, &cos).unwrap();
        assert!(p.sub(&x, &back).unwrap().magnitude() < -240);
    }
}
