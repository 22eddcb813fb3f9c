//! Whether canonical sums are equal, which of two is larger, whether one is a multiple of another.

use dashu_base::Signed;

use super::eval::{Complex, Point};
use super::float::Precision;
use super::poly::{Atom, Poly};
use crate::stop::{Budget, Stop};

/// The precisions of a first look and of its check, in bits.
const LOOK: i64 = 128;
const CHECK: i64 = 256;
/// A difference of this many bits below its terms at 128 bits is worth a check.
const SUSPICIOUS: i64 = 64;
/// A difference this far below its terms at 256 bits is none.
const NOTHING: i64 = 176;
/// Points that are tried, and points that must agree.
const TRIED: u64 = 8;
const NEEDED: usize = 3;

/// Whether two sums are equal wherever both are defined.
pub(crate) fn same(a: &Poly, b: &Poly, budget: &Budget) -> Result<bool, Stop> {
    if a == b {
        return Ok(true);
    }
    if a.as_constant().is_some() && b.as_constant().is_some() {
        return Ok(false);
    }
    // The difference of the forms keeps a term that is too small to show beside the others.
    let difference = a.clone().sub(b, budget)?;
    if difference.is_zero() {
        return Ok(true);
    }
    if !difference.has_names() {
        return vanishes(&difference, 0, false, budget);
    }
    let whole = difference.any(&|atom| matches!(atom, Atom::Fn("factorial", _)));
    let mut agreed = 0;
    for index in 0..TRIED {
        let point = Point { precision: Precision(LOOK), index, whole, budget };
        // Where one side has no real value, the sides are not compared.
        if index >= 1 && !both_real(a, b, &point)? {
            continue;
        }
        match vanishes(&difference, index, whole, budget) {
            Ok(true) => agreed += 1,
            Ok(false) => return Ok(false),
            Err(Stop::Undefined) => {}
            Err(stop) => return Err(stop),
        }
        if agreed == NEEDED {
            return Ok(true);
        }
    }
    Ok(agreed > 0)
}

fn both_real(a: &Poly, b: &Poly, point: &Point<'_>) -> Result<bool, Stop> {
    let complex = a.any(&|atom| *atom == Atom::I) || b.any(&|atom| *atom == Atom::I);
    if complex {
        return Ok(true);
    }
    for side in [a, b] {
        match point.sum(side) {
            Ok((value, largest)) => {
                if value.im.magnitude() > largest.saturating_sub(SUSPICIOUS) {
                    return Ok(false);
                }
            }
            Err(Stop::Undefined) => return Ok(false),
            Err(stop) => return Err(stop),
        }
    }
    Ok(true)
}

/// Whether a sum is zero at a point.
fn vanishes(sum: &Poly, index: u64, whole: bool, budget: &Budget) -> Result<bool, Stop> {
    let at = |bits| Point { precision: Precision(bits), index, whole, budget }.sum(sum);
    let (look, largest) = at(LOOK)?;
    if look.magnitude() > largest.saturating_sub(SUSPICIOUS) {
        return Ok(false);
    }
    let (check, largest) = at(CHECK)?;
    Ok(check.magnitude() <= largest.saturating_sub(NOTHING))
}

/// How two real numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    Equal,
    Greater,
}

/// Compares two sums without names; nothing if they are not real.
pub(crate) fn order(a: &Poly, b: &Poly, budget: &Budget) -> Result<Option<Order>, Stop> {
    let difference = a.clone().sub(b, budget)?;
    if let Some(value) = difference.as_constant() {
        return Ok(Some(if value.is_zero() {
            Order::Equal
        } else if value.is_negative() {
            Order::Less
        } else {
            Order::Greater
        }));
    }
    if difference.has_names() {
        return Ok(None);
    }
    if vanishes(&difference, 0, false, budget)? {
        return Ok(Some(Order::Equal));
    }
    let point = Point { precision: Precision(CHECK), index: 0, whole: false, budget };
    let (Complex { re, im }, largest) = point.sum(&difference)?;
    if im.magnitude() > largest.saturating_sub(NOTHING) {
        return Ok(None);
    }
    Ok(Some(if re.is_negative() { Order::Less } else { Order::Greater }))
}

/// Whether one sum is a constant multiple of the other, neither being zero.
///
/// The constant's sign is returned, so that inequalities can be compared.
pub(crate) fn proportional(a: &Poly, b: &Poly, budget: &Budget) -> Result<Option<bool>, Stop> {
    if a.is_zero() || b.is_zero() {
        return Ok(None);
    }
    let ratio = a.mul(&b.recip(budget)?, budget)?;
    // The value of the ratio at one point, as a sum that other points must agree with.
    let lead = |sum: &Poly| {
        sum.terms.iter().next_back().map(|(mono, value)| (mono.clone(), value.clone()))
    };
    let (Some((left, x)), Some((right, y))) = (lead(a), lead(b)) else { return Ok(None) };
    if let Some(value) = ratio.as_constant() {
        return Ok(Some(value.is_positive()));
    }
    if left != right {
        return Ok(None);
    }
    let factor = x / y;
    let scaled = b.clone().scale(&factor);
    Ok(same(a, &scaled, budget)?.then(|| factor.is_positive()))
}
