//! Scalars: values with units, percents, degrees, decimals that were rounded.

use dashu_ratio::RBig;

use super::judge::same_scalar;
use super::qualifiers::{says_more, without_about};
use super::quantities::{only_words, with_letters};
use super::rounding::rounds;
use super::text::{hedges, same_words, spelled_number};
use super::unit::Unit;
use super::units::unit;
use crate::algebra::{Poly, Reading, canon, same};
use crate::ast::{Expr, Num};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

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
            let unit = unit(&Expr::Mul(units));
            (unit.scaled(core), Some(unit))
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
            if let Some(sum) = sum_of_quantities(terms) {
                return sum;
            }
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

/// The sum of terms that all measure the same, in the unit of the first.
fn sum_of_quantities(terms: &[Expr]) -> Option<(Expr, Option<Unit>)> {
    let mut cores = Vec::new();
    let mut first: Option<Unit> = None;
    for term in terms {
        let (core, unit) = without_unit(term);
        let unit = unit.filter(|unit| !unit.is_label())?;
        let first = first.get_or_insert_with(|| unit.clone());
        if first.dimensions != unit.dimensions {
            return None;
        }
        let value = &unit.factor / &first.factor;
        cores.push(core.times(Expr::Num(Num { value, decimal: None })));
    }
    (cores.len() > 1).then_some((Expr::Add(cores), first))
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

/// Compares two scalars.
pub(super) fn compare_scalars(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    // Words against numbers: "forty-two" is 42, other words are no numbers.
    match (gold, answer) {
        (Expr::Text(words), other) | (other, Expr::Text(words)) => {
            if let Some(value) = spelled_number(words) {
                return compare_scalars_or_same(gold, answer, words, &value, budget);
            }
            // "Forty-two apples".
            if let Some((number, noun)) = words.rsplit_once(' ')
                && !hedges(noun)
                && !matches!(other, Expr::Text(_))
                && unit(&Expr::Text(noun.to_owned())) == Unit::none()
                && let Some(value) = spelled_number(number)
            {
                return compare_scalars_or_same(gold, answer, words, &value, budget);
            }
            return Ok(match other {
                Expr::Text(others) if same_words(words, others) => Reason::SameText,
                _ => Reason::DifferentKind,
            });
        }
        _ => {}
    }
    if let Some(answer) = without_about(gold, answer) {
        return compare_scalars(gold, &answer, budget);
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
    if let Some((gold, answer)) = letters_as_units(gold, answer) {
        return compare_scalars(&gold, &answer, budget);
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
        if a.dimensions == b.dimensions {
            scale = &b.factor / &a.factor;
        } else if !a.measures(b) && !budget.is_lenient() {
            return Ok(Reason::DifferentUnit);
        }
    }
    for (signed, unit) in [(gold, &answer_unit), (answer, &gold_unit)] {
        if let Some(unit) = unit
            && !unit.is_label()
            && has_sign(signed)
        {
            // Radians are what degrees are converted to; nothing else goes with a sign.
            let literal = unit.dimensions.contains_key("radian")
                && same_scalar(&gold_core, &answer_core, budget)?;
            return Ok(if literal { Reason::SameValue } else { Reason::DifferentUnit });
        }
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

/// Whether an expression carries a percent or degree sign.
fn has_sign(expr: &Expr) -> bool {
    expr.any(&|e| matches!(e, Expr::Percent(_) | Expr::Degree(_)))
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

/// Both sides with the letters of one read as units, where the other side shows that they are:
/// it has a unit, or no letters at all.
fn letters_as_units(gold: &Expr, answer: &Expr) -> Option<(Expr, Expr)> {
    let has_letters = |expr: &Expr| expr.any(&|part| matches!(part, Expr::Var(_)));
    let fits = |other: &Expr, compound: bool| {
        let (_, unit) = without_unit(other);
        !has_letters(other) && (compound || unit.is_some_and(|unit| !unit.is_label()))
    };
    if let Some((read, compound)) = with_letters(answer)
        && fits(gold, compound)
    {
        return Some((gold.clone(), read));
    }
    match with_letters(gold) {
        Some((read, compound)) if fits(answer, compound) => Some((read, answer.clone())),
        _ => None,
    }
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
fn readings(percent: bool, degree: bool) -> Vec<Reading> {
    let mut all = vec![Reading::LITERAL];
    if percent {
        all.push(Reading { percent_as_fraction: false, ..Reading::LITERAL });
    }
    if degree {
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
    let gold_readings = readings(gold_percent && !answer_percent, gold_degree && !answer_degree);
    let answer_readings = readings(answer_percent && !gold_percent, answer_degree && !gold_degree);
    // A logarithm without a base is natural or to base ten, the same on both sides.
    let bare_log = |expr: &Expr| expr.any(&|e| matches!(e, Expr::Call("log", _)));
    let logs: &[bool] = if bare_log(gold) || bare_log(answer) { &[false, true] } else { &[false] };
    let mut first = None;
    for gold_reading in &gold_readings {
        for (answer_reading, logs_to_ten) in
            answer_readings.iter().flat_map(|reading| logs.iter().map(move |log| (reading, *log)))
        {
            let left = canon(gold, Reading { logs_to_ten, ..*gold_reading }, budget)?;
            let right = canon(answer, Reading { logs_to_ten, ..*answer_reading }, budget)?;
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
pub(super) fn print_scalar(expr: &Expr, budget: &Budget) -> Result<String, Stop> {
    let (core, unit) = without_unit(expr);
    let value = canon(&core, Reading::LITERAL, budget)?;
    let Some(unit) = unit.filter(|unit| !unit.is_label()) else { return Ok(value.to_string()) };
    // In base units, with what is measured.
    let value = value.mul(&Poly::constant(unit.factor), budget)?;
    let measured: Vec<String> = unit
        .dimensions
        .iter()
        .map(
            |(dimension, power)| {
                if *power == 1 { (*dimension).to_owned() } else { format!("{dimension}^{power}") }
            },
        )
        .collect();
    Ok(format!("{value} {}", measured.join(" ")))
}
