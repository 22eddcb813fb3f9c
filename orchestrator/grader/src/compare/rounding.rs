//! Decimals that were rounded: when one number may stand for another.

use dashu_base::Abs;
use dashu_ratio::RBig;

use super::judge::Judge;
use crate::algebra::{Order, Poly, Reading, canon, order};
use crate::ast::{Decimal, Expr};
use crate::parse::power_of_ten;
use crate::stop::{Budget, Stop};

/// Significant digits that a decimal must show to stand for an exact gold answer.
const EXACT_DIGITS: u32 = 6;
/// The same for pi and e themselves: 3.14159 is what everyone calls an approximation of pi.
const CONSTANT_DIGITS: u32 = 8;
/// The same where the policy is lenient.
const LENIENT_DIGITS: u32 = 3;
/// Significant digits that a decimal must show to stand for a gold decimal with more digits.
const SHORTER_DIGITS: u32 = 6;
/// Significant digits that a gold decimal must show before something exact may round to it.
const GOLD_DIGITS: u32 = 2;
/// Significant digits that a gold decimal must show before a longer decimal may round to it.
const GOLD_DIGITS_FOR_DECIMALS: u32 = 3;

/// The decimal that an expression is, if it is one.
fn decimal(expr: &Expr) -> Option<Decimal> {
    match expr {
        Expr::Num(num) => num.decimal,
        Expr::Neg(inner) | Expr::Percent(inner) | Expr::Degree(inner) => decimal(inner),
        _ => None,
    }
}

/// Whether an answer is the gold answer up to the rounding that one of them shows.
pub(super) fn rounds(
    gold: &Expr,
    gold_value: &Poly,
    answer: &Expr,
    answer_value: &Poly,
    budget: &Budget,
) -> Result<bool, Stop> {
    let whole = |expr: &Expr| match expr {
        Expr::Neg(inner) => matches!(**inner, Expr::Num(_)),
        other => matches!(other, Expr::Num(_)),
    };
    match (decimal(gold), decimal(answer)) {
        (Some(shown), None) => {
            // A whole number is not the rounding of a decimal, nor is a decimal that of it.
            if whole(answer) || shown.significant < GOLD_DIGITS {
                return Ok(false);
            }
            within_half(gold_value, answer_value, shown.last_digit, budget)
        }
        (Some(shown), Some(found)) => {
            let longer = found.last_digit < shown.last_digit;
            let enough = if longer {
                shown.significant >= GOLD_DIGITS_FOR_DECIMALS || found.significant >= SHORTER_DIGITS
            } else {
                found.significant >= SHORTER_DIGITS
            };
            let last = shown.last_digit.max(found.last_digit);
            Ok(enough && within_half(gold_value, answer_value, last, budget)?)
        }
        (None, Some(found)) => {
            let enough = match gold {
                _ if budget.is_lenient() => LENIENT_DIGITS,
                Expr::Const(_) => CONSTANT_DIGITS,
                _ => EXACT_DIGITS,
            };
            if found.significant < enough || !budget.is_lenient() && !identifies(found, gold_value)
            {
                return Ok(false);
            }
            // The last digit of what goes on for ever may be cut off instead of rounded.
            Ok(within_half(gold_value, answer_value, found.last_digit, budget)?
                || !terminates(gold_value)
                    && cut_off(gold_value, answer_value, found.last_digit, budget)?)
        }
        (None, None) => Ok(false),
    }
}

/// Whether a decimal has enough places to tell a fraction from all others of its size.
fn identifies(shown: Decimal, value: &Poly) -> bool {
    let Some(value) = value.as_constant() else { return true };
    let bottom = value.denominator();
    RBig::from(bottom * bottom) * RBig::from(2) <= power_of_ten(1.into(), -shown.last_digit)
}

/// Whether a number has a finite decimal expansion.
fn terminates(value: &Poly) -> bool {
    let Some(value) = value.as_constant() else { return false };
    let mut rest = value.denominator().clone();
    for prime in [2_u8, 5] {
        rest.remove(&prime.into());
    }
    rest.is_one()
}

/// Whether two numbers differ by at most half a unit of a digit.
fn within_half(a: &Poly, b: &Poly, digit: i32, budget: &Budget) -> Result<bool, Stop> {
    let unit = power_of_ten(1.into(), digit) / RBig::from(2);
    closer_than(a, b, unit, budget)
}

fn cut_off(exact: &Poly, shown: &Poly, digit: i32, budget: &Budget) -> Result<bool, Stop> {
    let zero = Poly::zero();
    let toward_zero = match order(exact, &zero, budget)? {
        Some(Order::Greater) => order(shown, exact, budget)? == Some(Order::Less),
        Some(Order::Less) => order(shown, exact, budget)? == Some(Order::Greater),
        _ => false,
    };
    Ok(toward_zero && closer_than(exact, shown, power_of_ten(1.into(), digit), budget)?)
}

fn closer_than(a: &Poly, b: &Poly, distance: RBig, budget: &Budget) -> Result<bool, Stop> {
    let difference = a.clone().sub(b, budget)?;
    if let Some(value) = difference.as_constant() {
        return Ok(value.abs() <= distance);
    }
    let high = Poly::constant(distance.clone());
    let low = Poly::constant(-distance);
    let outcome = (order(&difference, &low, budget), order(&difference, &high, budget));
    match outcome {
        (Ok(low), Ok(high)) => Ok(low == Some(Order::Greater) && high == Some(Order::Less)),
        (Err(Stop::Undefined), _) | (_, Err(Stop::Undefined)) => Ok(false),
        (Err(stop), _) | (_, Err(stop)) => Err(stop),
    }
}

/// Whether entries agree when one of them is rounded, as in an answer that is all in decimals.
///
/// An entry that is given exactly as a decimal for a fraction shows that the answer is in decimals;
/// the others may then be rounded to what they show.
pub(super) fn rounded_entries(
    gold: &[&Expr],
    answer: &[&Expr],
    judge: &Judge<'_>,
) -> Result<bool, Stop> {
    let mut in_decimals = false;
    for (exact, shown) in gold.iter().zip(answer) {
        if judge.agree(exact, shown)? {
            in_decimals |= decimal(shown).is_some()
                && decimal(exact).is_none()
                && !matches!(exact, Expr::Num(_));
            continue;
        }
        let Some(found) = decimal(shown).filter(|found| found.significant >= 2) else {
            return Ok(false);
        };
        let left = canon(exact, Reading::LITERAL, judge)?;
        let right = canon(shown, Reading::LITERAL, judge)?;
        if terminates(&left) || !within_half(&left, &right, found.last_digit, judge)? {
            return Ok(false);
        }
    }
    Ok(in_decimals)
}
