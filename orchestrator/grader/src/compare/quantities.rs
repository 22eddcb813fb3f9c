//! Quantities with units: sums of several units, letters that are units.

use super::unit::Unit;
use super::unit_names::is_symbol;
use super::units::unit;
use crate::ast::Expr;

/// Whether an expression is made of words: a unit.
pub(super) fn only_words(expr: &Expr) -> bool {
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

/// The sum that several numbers with units in one product are: `6 ft 2 in`, `30° 15'`.
pub(super) fn compound(factors: &[Expr]) -> Option<Expr> {
    if factors.len() >= 2 && factors.iter().all(|factor| matches!(factor, Expr::Degree(_))) {
        return Some(Expr::Add(factors.to_vec()));
    }
    if factors.len() < 4 {
        return None;
    }
    let mut terms: Vec<(Vec<Expr>, Vec<Expr>)> = Vec::new();
    for factor in factors {
        let letter = matches!(factor, Expr::Var(name) if is_symbol(name));
        let is_unit = only_words(factor) || letter;
        if !is_unit && !matches!(factor, Expr::Num(_) | Expr::Div(..)) {
            return None;
        }
        match terms.last_mut() {
            Some((_, units)) if is_unit => units.push(as_unit(factor)),
            Some((numbers, units)) if units.is_empty() => numbers.push(factor.clone()),
            _ if is_unit => return None,
            _ => terms.push((vec![factor.clone()], Vec::new())),
        }
    }
    // The letter of a metre is that of a minute after hours: 1h30m.
    let hours = |unit: &Expr| matches!(unit, Expr::Text(word) if word == "h" || word == "hr");
    if let [(_, first), .., (_, last)] = terms.as_mut_slice()
        && first.iter().any(hours)
        && let [Expr::Text(word)] = last.as_mut_slice()
        && word == "m"
    {
        "min".clone_into(word);
    }
    let units: Vec<Unit> = terms.iter().map(|(_, units)| unit(&Expr::Mul(units.clone()))).collect();
    falling(&units).then(|| {
        let term = |(numbers, units): (Vec<Expr>, Vec<Expr>)| {
            Expr::Mul(numbers.into_iter().chain(units).collect())
        };
        Expr::Add(terms.into_iter().map(term).collect())
    })
}

/// The sum that a list of falling units of one kind is: "3 hours and 20 minutes".
pub(super) fn listed(items: &[Expr]) -> Option<Expr> {
    if items.len() < 2 {
        return None;
    }
    let measured = |item: &Expr| match item {
        Expr::Mul(factors) => match factors.as_slice() {
            [Expr::Num(_), words @ ..] if words.iter().all(only_words) => {
                Some(unit(&Expr::Mul(words.to_vec())))
            }
            _ => None,
        },
        _ => None,
    };
    let units: Vec<Unit> = items.iter().map(measured).collect::<Option<_>>()?;
    falling(&units).then(|| Expr::Add(items.to_vec()))
}

/// Whether units measure the same, the larger ones first.
fn falling(units: &[Unit]) -> bool {
    units.len() >= 2
        && units.iter().all(|unit| !unit.is_label() && unit.is_plain())
        && units
            .windows(2)
            .all(|pair| pair[0].dimensions == pair[1].dimensions && pair[0].factor > pair[1].factor)
}

fn as_unit(factor: &Expr) -> Expr {
    match factor {
        Expr::Var(name) => Expr::Text(name.clone()),
        other => other.clone(),
    }
}

/// A number times letters that are all signs of units, with the letters as units; and whether they
/// are more than one bare letter.
pub(super) fn with_letters(expr: &Expr) -> Option<(Expr, bool)> {
    if !expr.any(&|part| matches!(part, Expr::Var(_))) {
        return None;
    }
    let compound = match expr {
        Expr::Mul(factors) => {
            let letters = factors.iter().filter(|factor| !matches!(factor, Expr::Num(_)));
            letters.clone().count() > 1 || !letters.clone().all(|l| matches!(l, Expr::Var(_)))
        }
        Expr::Div(..) => true,
        _ => return None,
    };
    let number = match expr {
        Expr::Mul(factors) => factors.first(),
        Expr::Div(top, _) => match &**top {
            Expr::Mul(factors) => factors.first(),
            _ => None,
        },
        _ => None,
    };
    matches!(number, Some(Expr::Num(_) | Expr::Div(..)))
        .then(|| units_of(expr))
        .flatten()
        .map(|expr| (expr, compound))
}

fn units_of(expr: &Expr) -> Option<Expr> {
    let all = |items: &[Expr]| items.iter().map(units_of).collect::<Option<Vec<_>>>();
    match expr {
        Expr::Var(name) => is_symbol(name).then(|| Expr::Text(name.clone())),
        Expr::Num(_) | Expr::Text(_) => Some(expr.clone()),
        Expr::Mul(items) => all(items).map(Expr::Mul),
        Expr::Div(a, b) => Some(Expr::Div(Box::new(units_of(a)?), Box::new(units_of(b)?))),
        Expr::Pow(base, exponent)
            if matches!(**base, Expr::Var(_) | Expr::Text(_))
                && matches!(**exponent, Expr::Num(_) | Expr::Neg(_)) =>
        {
            Some(Expr::Pow(Box::new(units_of(base)?), exponent.clone()))
        }
        _ => None,
    }
}
