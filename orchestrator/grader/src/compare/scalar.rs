//! Scalars: values with units, percents, degrees, decimals that were rounded.

use dashu_base::Abs;
use dashu_ratio::RBig;

use super::text::{hedges, is_idle};
use super::units::{Unit, unit};
use super::{agree, same_words, spelled_number};
use crate::algebra::{Order, Poly, Reading, canon, order, same};
use crate::ast::{Decimal, Expr, Num};
use crate::parse::power_of_ten;
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Significant digits that a decimal must show to stand for an exact gold answer.
const EXACT_DIGITS: u32 = 8;
/// Significant digits that a decimal must show to stand for a gold decimal with more digits.
const SHORTER_DIGITS: u32 = 6;
/// Significant digits that a gold decimal must show before something exact may round to it.
const GOLD_DIGITS: u32 = 2;
/// Significant digits that a gold decimal must show before a longer decimal may round to it.
const GOLD_DIGITS_FOR_DECIMALS: u32 = 3;

/// Splits a scalar into its number and its unit.
pub(super) fn without_unit(expr: &Expr) -> (Expr, Option<Unit>) {
    let words = |expr: &Expr| !is_number(expr) && only_words(expr);
    match expr {
        Expr::Mul(factors) => {
            let (units, numbers): (Vec<Expr>, Vec<Expr>) = factors.iter().cloned().partition(words);
            if numbers.is_empty() || units.is_empty() {
                // The unit may be inside the last factor: 3 (5 cm).
                return split_last(factors).unwrap_or_else(|| (expr.clone(), None));
            }
            let core = if numbers.len() == 1 { numbers[0].clone() } else { Expr::Mul(numbers) };
            (core, Some(unit(&Expr::Mul(units))))
        }
        Expr::Div(top, bottom) => {
            let (top_core, top_unit) = without_unit(top);
            if words(bottom) {
                let below = unit(&Expr::Div(Box::new(Expr::int(1)), bottom.clone()));
                let whole = match top_unit {
                    Some(above) => merge(above, &below),
                    None => below,
                };
                return (top_core, Some(whole));
            }
            (Expr::Div(Box::new(top_core), bottom.clone()), top_unit)
        }
        Expr::Neg(inner) => {
            let (core, unit) = without_unit(inner);
            (Expr::Neg(Box::new(core)), unit)
        }
        Expr::Add(terms) => {
            // A unit after the last term belongs to the whole sum.
            let split = terms.split_last().map(|(last, rest)| (without_unit(last), rest));
            match split {
                Some(((core, Some(unit)), rest))
                    if rest.iter().all(|term| without_unit(term).1.is_none()) =>
                {
                    let mut all = rest.to_vec();
                    all.push(core);
                    (Expr::Add(all), Some(unit))
                }
                _ => (expr.clone(), None),
            }
        }
        _ => (expr.clone(), None),
    }
}

fn merge(mut a: Unit, b: &Unit) -> Unit {
    a.factor *= &b.factor;
    for (dimension, power) in &b.dimensions {
        *a.dimensions.entry(dimension).or_insert(0) += power;
    }
    a.dimensions.retain(|_, power| *power != 0);
    a
}

fn split_last(factors: &[Expr]) -> Option<(Expr, Option<Unit>)> {
    let (last, rest) = factors.split_last()?;
    let (core, unit) = without_unit(last);
    let unit = unit?;
    let mut all = rest.to_vec();
    all.push(core);
    Some((Expr::Mul(all), Some(unit)))
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Num(_) | Expr::Const(_) | Expr::Var(_))
}

/// Whether an expression is made of words: a unit.
fn only_words(expr: &Expr) -> bool {
    match expr {
        Expr::Text(_) => true,
        Expr::Mul(items) => items.iter().all(only_words),
        Expr::Div(top, bottom) => {
            let one = matches!(&**top, Expr::Num(num) if num.value.is_one());
            // The letter of a unit below a word is a unit, too: km/h.
            let letter = matches!(&**bottom, Expr::Var(name)
                if matches!(name.as_str(), "h" | "s" | "m" | "g" | "l"));
            (one || only_words(top)) && (only_words(bottom) || letter && !one)
        }
        Expr::Pow(base, exponent) => {
            only_words(base) && matches!(&**exponent, Expr::Num(_) | Expr::Neg(_))
        }
        _ => false,
    }
}

/// Compares two scalars.
pub(super) fn compare_scalars(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    // Words against numbers: "forty-two" is 42, other words are no numbers.
    match (gold, answer) {
        (Expr::Text(words), other) | (other, Expr::Text(words)) => {
            if let Some(value) = spelled_number(words) {
                return compare_scalars_or_same(gold, answer, words, &value, budget);
            }
            return Ok(match other {
                Expr::Text(others) if same_words(words, others) => Reason::SameText,
                _ => Reason::DifferentKind,
            });
        }
        _ => {}
    }
    if let (Expr::Based(digits, base), Expr::Num(num)) = (gold, answer) {
        // 204 in base five is not 204, though it is 54.
        let bare = num.value.to_string() == *digits && *base != 10;
        if bare {
            return Ok(Reason::DifferentValue);
        }
    }
    if let (Expr::Based(digits, base), Expr::Based(others, other)) = (gold, answer) {
        let same_digits = digits.trim_start_matches('0') == others.trim_start_matches('0');
        return Ok(if base == other && same_digits {
            Reason::SameValue
        } else {
            Reason::DifferentValue
        });
    }
    if let (Expr::Num(num), Expr::Based(digits, _)) = (gold, answer)
        && num.value.to_string() == digits.trim_start_matches('0')
    {
        return Ok(Reason::SameValue);
    }
    let (gold_core, gold_unit) = without_unit(gold);
    let (answer_core, answer_unit) = without_unit(answer);
    for side in [gold, answer] {
        if says_more(side) {
            return Ok(Reason::DifferentKind);
        }
    }
    let mut scale = RBig::ONE;
    if let (Some(a), Some(b)) = (&gold_unit, &answer_unit)
        && !a.is_label()
        && !b.is_label()
    {
        if a.dimensions != b.dimensions {
            return Ok(Reason::DifferentUnit);
        }
        scale = &b.factor / &a.factor;
    }
    let answer_core = if scale.is_one() {
        answer_core
    } else {
        answer_core.times(Expr::Num(Num { value: scale, decimal: None }))
    };
    let reason = values(&gold_core, &answer_core, budget)?;
    if !reason.is_correct() && gold_unit.is_some() != answer_unit.is_some() {
        // "5 m" without text marks: the letter may be the unit of the other side.
        if letter_unit(gold, answer, budget)? || letter_unit(answer, gold, budget)? {
            return Ok(Reason::SameValue);
        }
    }
    Ok(reason)
}

fn compare_scalars_or_same(
    gold: &Expr,
    answer: &Expr,
    words: &str,
    value: &Expr,
    budget: &Budget,
) -> Result<Reason, Stop> {
    match (gold, answer) {
        (Expr::Text(_), Expr::Text(others)) => {
            Ok(if same_words(words, others) { Reason::SameText } else { Reason::DifferentValue })
        }
        (Expr::Text(_), _) => compare_scalars(value, answer, budget),
        _ => compare_scalars(gold, value, budget),
    }
}

/// Whether words around a number say more than what it counts: "not 42", "42 is wrong".
fn says_more(expr: &Expr) -> bool {
    let Expr::Mul(factors) = expr else { return false };
    factors.iter().enumerate().any(|(at, factor)| match factor {
        Expr::Text(words) if at == 0 => !is_idle(words) && unit(factor).is_label(),
        Expr::Text(words) => hedges(words),
        _ => false,
    })
}

/// Whether a product ends in a letter that is the unit of the other side.
fn letter_unit(with: &Expr, without: &Expr, budget: &Budget) -> Result<bool, Stop> {
    let (Expr::Mul(marked), Expr::Mul(plain)) = (with, without) else { return Ok(false) };
    let (Some(Expr::Text(sign)), Some(Expr::Var(letter))) = (marked.last(), plain.last()) else {
        return Ok(false);
    };
    if sign != letter {
        return Ok(false);
    }
    let whole = |factors: &[Expr]| Expr::Mul(factors[..factors.len() - 1].to_vec());
    Ok(values(&whole(marked), &whole(plain), budget)?.is_correct())
}

/// The readings of the signs in an expression: what they mean first.
fn readings(alone: bool, percent: bool, degree: bool) -> Vec<Reading> {
    let mut all = vec![Reading::LITERAL];
    if alone && percent {
        all.push(Reading { percent_as_fraction: false, ..Reading::LITERAL });
    }
    if alone && degree {
        all.push(Reading { degrees_as_radians: false, ..Reading::LITERAL });
    }
    all
}

/// Compares two numbers without units.
fn values(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    let percent = |expr: &Expr| expr.any(&|e| matches!(e, Expr::Percent(_)));
    let degree = |expr: &Expr| expr.any(&|e| matches!(e, Expr::Degree(_)));
    let (gold_percent, answer_percent) = (percent(gold), percent(answer));
    let (gold_degree, answer_degree) = (degree(gold), degree(answer));
    if (gold_percent && answer_degree) || (gold_degree && answer_percent) {
        return Ok(Reason::DifferentUnit);
    }
    let gold_readings =
        readings(true, gold_percent && !answer_percent, gold_degree && !answer_degree);
    let answer_readings =
        readings(true, answer_percent && !gold_percent, answer_degree && !gold_degree);
    let mut first = None;
    for gold_reading in &gold_readings {
        for answer_reading in &answer_readings {
            let left = canon(gold, *gold_reading, budget)?;
            let right = canon(answer, *answer_reading, budget)?;
            if left == right {
                return Ok(Reason::SameForm);
            }
            if same_or_undefined(&left, &right, budget)? {
                return Ok(Reason::SameValue);
            }
            first.get_or_insert((left, right));
        }
    }
    let Some((left, right)) = first else { return Ok(Reason::DifferentValue) };
    if rounds(gold, &left, answer, &right, budget)? {
        return Ok(Reason::Rounded);
    }
    Ok(Reason::DifferentValue)
}

fn same_or_undefined(a: &Poly, b: &Poly, budget: &Budget) -> Result<bool, Stop> {
    match same(a, b, budget) {
        Err(Stop::Undefined) => Err(Stop::Syntax),
        other => other,
    }
}

/// The decimal that an expression is, if it is one.
fn decimal(expr: &Expr) -> Option<Decimal> {
    match expr {
        Expr::Num(num) => num.decimal,
        Expr::Neg(inner) | Expr::Percent(inner) | Expr::Degree(inner) => decimal(inner),
        _ => None,
    }
}

/// Whether an answer is the gold answer up to the rounding that one of them shows.
fn rounds(
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
            if found.significant < EXACT_DIGITS || terminates(gold_value) {
                return Ok(false);
            }
            // The last digit may be cut off instead of rounded.
            Ok(within_half(gold_value, answer_value, found.last_digit, budget)?
                || cut_off(gold_value, answer_value, found.last_digit, budget)?)
        }
        (None, None) => Ok(false),
    }
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
    budget: &Budget,
) -> Result<bool, Stop> {
    let mut in_decimals = false;
    for (exact, shown) in gold.iter().zip(answer) {
        if agree(exact, shown, budget)? {
            in_decimals |= decimal(shown).is_some()
                && decimal(exact).is_none()
                && !matches!(exact, Expr::Num(_));
            continue;
        }
        let Some(found) = decimal(shown).filter(|found| found.significant >= 2) else {
            return Ok(false);
        };
        let left = canon(exact, Reading::LITERAL, budget)?;
        let right = canon(shown, Reading::LITERAL, budget)?;
        if terminates(&left) || !within_half(&left, &right, found.last_digit, budget)? {
            return Ok(false);
        }
    }
    Ok(in_decimals)
}

/// Compares ratios: equal terms, or equal proportions.
pub(super) fn compare_ratios(
    gold: &[Expr],
    answer: &[Expr],
    budget: &Budget,
) -> Result<Reason, Stop> {
    if gold.len() != answer.len() {
        return Ok(Reason::DifferentCount);
    }
    let mut equal = true;
    for (a, b) in gold.iter().zip(answer) {
        let reason = compare_scalars(a, b, budget)?;
        if reason == Reason::DifferentUnit {
            return Ok(reason);
        }
        equal = equal && reason.is_correct();
    }
    if equal {
        return Ok(Reason::SameValue);
    }
    let cross = |a: &Expr, b: &Expr| -> Result<Poly, Stop> {
        canon(a, Reading::LITERAL, budget)?.mul(&canon(b, Reading::LITERAL, budget)?, budget)
    };
    for at in 1..gold.len() {
        if !same(&cross(&gold[0], &answer[at])?, &cross(&gold[at], &answer[0])?, budget)? {
            return Ok(Reason::DifferentValue);
        }
    }
    Ok(Reason::SameValue)
}

/// The canonical form of a scalar as text.
pub(super) fn print_scalar(expr: &Expr, budget: &Budget) -> String {
    let (core, _) = without_unit(expr);
    match canon(&core, Reading::LITERAL, budget) {
        Ok(poly) => poly.to_string(),
        Err(_) => format!("{core:?}"),
    }
}
