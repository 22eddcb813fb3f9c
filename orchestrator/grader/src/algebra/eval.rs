//! Values of canonical sums at points, as complex floating-point numbers.

use dashu_base::{BitTest, Signed, UnsignedAbs};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::float::{Float, Precision};
use super::poly::{Atom, Poly};
use crate::stop::{Budget, Stop};

/// A complex number.
#[derive(Debug, Clone)]
pub(super) struct Complex {
    pub(super) re: Float,
    pub(super) im: Float,
}

impl Complex {
    fn real(re: Float) -> Self {
        Self { re, im: Float::ZERO }
    }

    fn is_real(&self) -> bool {
        self.im.is_zero()
    }

    /// The power of two just above the size.
    pub(super) fn magnitude(&self) -> i64 {
        self.re.magnitude().max(self.im.magnitude())
    }
}

/// The point at which names have values, and the precision.
pub(super) struct Point<'a> {
    pub(super) precision: Precision,
    /// Which of the points: names have other values at other points.
    pub(super) index: u64,
    /// Whether values are positive whole numbers.
    pub(super) whole: bool,
    pub(super) budget: &'a Budget,
}

impl Point<'_> {
    /// The value of a sum, and the power of two above its largest term.
    pub(super) fn sum(&self, poly: &Poly) -> Result<(Complex, i64), Stop> {
        let mut total = Complex::real(Float::ZERO);
        let mut largest = i64::MIN;
        for (mono, coefficient) in &poly.terms {
            let mut term = Complex::real(self.precision.rational(coefficient)?);
            for (atom, exponent) in mono {
                let factor = self.power(atom, exponent)?;
                term = self.mul(&term, &factor)?;
            }
            largest = largest.max(term.magnitude());
            total = self.add(&total, &term)?;
        }
        Ok((total, largest))
    }

    fn value(&self, poly: &Poly) -> Result<Complex, Stop> {
        self.sum(poly).map(|(value, _)| value)
    }

    fn spend(&self, operations: u64) -> Result<(), Stop> {
        self.budget.spend(operations * (self.precision.0 as u64 / 32))
    }

    fn add(&self, a: &Complex, b: &Complex) -> Result<Complex, Stop> {
        let p = self.precision;
        Ok(Complex { re: p.add(&a.re, &b.re)?, im: p.add(&a.im, &b.im)? })
    }

    fn mul(&self, a: &Complex, b: &Complex) -> Result<Complex, Stop> {
        self.spend(1)?;
        let p = self.precision;
        if a.is_real() && b.is_real() {
            return Ok(Complex::real(p.mul(&a.re, &b.re)?));
        }
        Ok(Complex {
            re: p.sub(&p.mul(&a.re, &b.re)?, &p.mul(&a.im, &b.im)?)?,
            im: p.add(&p.mul(&a.re, &b.im)?, &p.mul(&a.im, &b.re)?)?,
        })
    }

    fn recip(&self, a: &Complex) -> Result<Complex, Stop> {
        self.spend(2)?;
        let p = self.precision;
        if a.is_real() {
            return Ok(Complex::real(p.div(&Float::int(1), &a.re)?));
        }
        let square = p.add(&p.mul(&a.re, &a.re)?, &p.mul(&a.im, &a.im)?)?;
        Ok(Complex { re: p.div(&a.re, &square)?, im: p.div(&a.im, &square)?.neg() })
    }

    fn power(&self, atom: &Atom, exponent: &Poly) -> Result<Complex, Stop> {
        let constant = exponent.as_constant();
        if *atom == Atom::E {
            return self.exp(&self.value(exponent)?);
        }
        let base = self.atom(atom)?;
        match constant {
            Some(power) if power.is_one() => Ok(base),
            Some(power) => self.rational_power(&base, &power),
            None => self.complex_power(&base, &self.value(exponent)?),
        }
    }

    fn rational_power(&self, base: &Complex, power: &RBig) -> Result<Complex, Stop> {
        if power.is_int() {
            let size = power.numerator().unsigned_abs();
            if size.bit_len() <= 20 {
                let value = self.whole_power(base, &size)?;
                return if power.is_negative() { self.recip(&value) } else { Ok(value) };
            }
        }
        if base.is_real() {
            let half = *power.denominator() == UBig::from(2_u8);
            if half && power.numerator().unsigned_abs().is_one() {
                let root = Complex::real(self.precision.sqrt(&base.re.abs())?);
                self.spend(4)?;
                let root = if base.re.is_negative() {
                    Complex { re: Float::ZERO, im: root.re }
                } else {
                    root
                };
                return if power.is_negative() { self.recip(&root) } else { Ok(root) };
            }
            // Odd roots of negative numbers are real.
            if base.re.is_negative() && power.denominator().bit(0) {
                let positive = Complex::real(base.re.abs());
                let value = self.complex_power(&positive, &self.constant(power)?)?;
                let odd = power.numerator().unsigned_abs().bit(0);
                return Ok(if odd { Complex::real(value.re.neg()) } else { value });
            }
        }
        self.complex_power(base, &self.constant(power)?)
    }

    fn constant(&self, value: &RBig) -> Result<Complex, Stop> {
        Ok(Complex::real(self.precision.rational(value)?))
    }

    fn whole_power(&self, base: &Complex, power: &UBig) -> Result<Complex, Stop> {
        let mut result = Complex::real(Float::int(1));
        for bit in (0..power.bit_len()).rev() {
            result = self.mul(&result, &result)?;
            if power.bit(bit) {
                result = self.mul(&result, base)?;
            }
        }
        Ok(result)
    }

    fn complex_power(&self, base: &Complex, power: &Complex) -> Result<Complex, Stop> {
        if base.re.is_zero() && base.im.is_zero() {
            let positive = power.is_real() && !power.re.is_negative() && !power.re.is_zero();
            return if positive { Ok(base.clone()) } else { Err(Stop::Undefined) };
        }
        self.exp(&self.mul(&self.ln(base)?, power)?)
    }

    fn exp(&self, x: &Complex) -> Result<Complex, Stop> {
        self.spend(60)?;
        let size = self.precision.exp(&x.re)?;
        if x.is_real() {
            return Ok(Complex::real(size));
        }
        let (sin, cos) = self.precision.sin_cos(&x.im)?;
        Ok(Complex { re: self.precision.mul(&size, &cos)?, im: self.precision.mul(&size, &sin)? })
    }

    fn ln(&self, x: &Complex) -> Result<Complex, Stop> {
        self.spend(80)?;
        let p = self.precision;
        if x.is_real() && !x.re.is_negative() {
            return Ok(Complex::real(p.ln(&x.re)?));
        }
        Ok(Complex { re: p.ln(&self.modulus(x)?)?, im: p.atan2(&x.im, &x.re)? })
    }

    fn modulus(&self, x: &Complex) -> Result<Float, Stop> {
        if x.is_real() {
            return Ok(x.re.abs());
        }
        let p = self.precision;
        p.sqrt(&p.add(&p.mul(&x.re, &x.re)?, &p.mul(&x.im, &x.im)?)?)
    }

    fn atom(&self, atom: &Atom) -> Result<Complex, Stop> {
        match atom {
            Atom::Int(value) => Ok(Complex::real(
                self.precision.cut(Float { mantissa: value.clone().into(), exponent: 0 })?,
            )),
            Atom::E => self.exp(&Complex::real(Float::int(1))),
            Atom::Pi => Ok(Complex::real(self.precision.pi())),
            Atom::I => Ok(Complex { re: Float::ZERO, im: Float::int(1) }),
            Atom::Var(name) => self.name(name),
            Atom::Named(..) => self.name(&atom.to_string()),
            Atom::Sum(inner) => self.value(inner),
            Atom::Fn(name, arguments) => {
                let values = arguments
                    .iter()
                    .map(|argument| self.value(argument))
                    .collect::<Result<Vec<_>, _>>()?;
                self.function(name, &values)
            }
        }
    }

    /// The value of a name at this point: the same for the same name, other for other points.
    fn name(&self, name: &str) -> Result<Complex, Stop> {
        let mut hash = 0x9e37_79b9_7f4a_7c15_u64 ^ self.index.wrapping_mul(0xd1b5_4a32_d192_ed03);
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            hash ^= hash >> 29;
        }
        hash = (hash ^ (hash >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash ^= hash >> 27;
        if self.whole {
            return Ok(Complex::real(Float::int((hash % 13 + 4) as i64)));
        }
        // Between 0.3 and 3; all negative at the second point, some at the later ones.
        let size = RBig::from_parts(IBig::from(3_000 + hash % 27_001), UBig::from(10_007_u16));
        let negative = self.index == 1 || self.index >= 2 && (hash >> 40) % 2 == 1;
        self.constant(&if negative { -size } else { size })
    }

    fn function(&self, name: &str, values: &[Complex]) -> Result<Complex, Stop> {
        let p = self.precision;
        self.spend(60)?;
        let first = values.first().ok_or(Stop::Undefined)?;
        let real = || if first.is_real() { Ok(&first.re) } else { Err(Stop::Undefined) };
        let one = Float::int(1);
        Ok(Complex::real(match name {
            "ln" => return self.ln(first),
            "sin" => {
                if !first.is_real() {
                    return Err(Stop::Undefined);
                }
                p.sin_cos(real()?)?.0
            }
            "cos" => p.sin_cos(real()?)?.1,
            "tan" => {
                let (sin, cos) = p.sin_cos(real()?)?;
                p.div(&sin, &cos)?
            }
            "arctan" => p.atan(real()?)?,
            "arccot" => p.sub(&p.pi().shift(-1), &p.atan(real()?)?)?,
            "arcsin" | "arccos" => {
                let x = real()?;
                let rest = p.sub(&one, &p.mul(x, x)?)?;
                if rest.is_negative() {
                    return Err(Stop::Undefined);
                }
                let other = p.sqrt(&rest)?;
                if name == "arcsin" { p.atan2(x, &other)? } else { p.atan2(&other, x)? }
            }
            "sinh" | "cosh" | "tanh" => {
                let up = p.exp(real()?)?;
                let down = p.div(&one, &up)?;
                let (sinh, cosh) = (p.sub(&up, &down)?.shift(-1), p.add(&up, &down)?.shift(-1));
                match name {
                    "sinh" => sinh,
                    "cosh" => cosh,
                    _ => p.div(&sinh, &cosh)?,
                }
            }
            "arsinh" | "arcosh" => {
                let x = real()?;
                let square = p.mul(x, x)?;
                let inner =
                    if name == "arsinh" { p.add(&square, &one)? } else { p.sub(&square, &one)? };
                if inner.is_negative() {
                    return Err(Stop::Undefined);
                }
                p.ln(&p.add(x, &p.sqrt(&inner)?)?)?
            }
            "artanh" => {
                let x = real()?;
                p.ln(&p.div(&p.add(&one, x)?, &p.sub(&one, x)?)?)?.shift(-1)
            }
            "abs" => self.modulus(first)?,
            "floor" => real()?.floor()?,
            "ceil" => real()?.neg().floor()?.neg(),
            "mod" => {
                let (Some(b), x) = (values.get(1), real()?) else { return Err(Stop::Undefined) };
                if !b.is_real() {
                    return Err(Stop::Undefined);
                }
                let quotient = p.div(x, &b.re)?;
                // With a long quotient nothing is left of the remainder.
                if quotient.magnitude() > p.0 / 2 {
                    return Err(Stop::TooCostly);
                }
                p.sub(x, &p.mul(&b.re, &quotient.floor()?)?)?
            }
            "min" | "max" => self.extremum(name, values)?,
            "factorial" => {
                let x = real()?;
                let n: u32 = x.fixed(0)?.try_into().map_err(|_| Stop::Undefined)?;
                if n > 1_000 || Float::int(i64::from(n)).fixed(64)? != x.fixed(64)? {
                    return Err(Stop::Undefined);
                }
                self.spend(u64::from(n))?;
                let mut product = one;
                for i in 2..=i64::from(n) {
                    product = p.mul(&product, &Float::int(i))?;
                }
                product
            }
            "power" => {
                let power = values.get(1).ok_or(Stop::Undefined)?;
                let size = self.complex_power(&Complex::real(real()?.abs()), power)?;
                let odd = power.re.fixed(0)?.unsigned_abs().bit(0);
                if first.re.is_negative() && odd { size.re.neg() } else { size.re }
            }
            _ => return Err(Stop::Undefined),
        }))
    }

    fn extremum(&self, name: &str, values: &[Complex]) -> Result<Float, Stop> {
        let mut best: Option<&Float> = None;
        for value in values {
            if !value.is_real() {
                return Err(Stop::Undefined);
            }
            let better = match best {
                None => true,
                Some(best) => {
                    let below = self.precision.sub(&value.re, best)?.is_negative();
                    below == (name == "min")
                }
            };
            if better {
                best = Some(&value.re);
            }
        }
        best.cloned().ok_or(Stop::Undefined)
    }
}
