//! The unit that words stand for: "square feet", "miles per hour", "million dollars".

use dashu_ratio::RBig;

use super::unit::Unit;
use super::unit_names::lookup;
use crate::ast::Expr;
use crate::parse::{part_word, scale_word};

/// The largest power of a unit that is read; one beyond it is a label.
const LARGEST_POWER: u64 = 9;

/// The unit that an expression of words stands for; words that are no units are labels.
pub(super) fn unit(expr: &Expr) -> Unit {
    unit_within(expr, LARGEST_POWER)
}

/// The unit of an expression whose nested powers may multiply up to `largest`.
fn unit_within(expr: &Expr, largest: u64) -> Unit {
    let unit = |expr| unit_within(expr, largest);
    match expr {
        Expr::Text(words) | Expr::Var(words) => phrase(words),
        Expr::Mul(factors) => {
            factors.iter().fold(Unit::none(), |product, factor| product.times(&unit(factor), 1))
        }
        Expr::Div(top, bottom) => unit(top).times(&unit(bottom), -1),
        Expr::Pow(base, exponent) => match whole(exponent) {
            // m s^{-1} without its blank.
            Some(power @ -9..0) if matches!(&**base, Expr::Text(words) if words == "ms") => {
                phrase("m").times(&phrase("s"), power)
            }
            Some(power) if power != 0 && power.unsigned_abs() <= largest => {
                let base = unit_within(base, largest / power.unsigned_abs());
                Unit::none().times(&base, power)
            }
            _ => Unit::none(),
        },
        _ => Unit::none(),
    }
}

/// The whole number that an exponent is.
fn whole(exponent: &Expr) -> Option<i64> {
    match exponent {
        Expr::Num(num) if num.value.is_int() => i64::try_from(num.value.numerator()).ok(),
        Expr::Neg(inner) => whole(inner)?.checked_neg(),
        _ => None,
    }
}

/// A phrase such as "square feet", "cm squared", "miles per hour", "million dollars".
fn phrase(words: &str) -> Unit {
    let mut product = Unit::none();
    if words.ends_with("below zero") {
        product.scale = -RBig::ONE;
    }
    let mut sign = 1;
    let mut next_power = 1;
    let mut last: Option<Unit> = None;
    for word in words.split([' ', '-']).filter(|word| !word.is_empty()) {
        let (word, power) = chinese_power(word);
        match word {
            "per" => sign = -1,
            "square" | "sq" => next_power = 2,
            "cubic" | "cu" => next_power = 3,
            "squared" | "cubed" => {
                let extra = if word == "squared" { 1 } else { 2 };
                match &last {
                    Some(known) => product = product.times(known, extra),
                    None => product.power = 1 + extra as u8,
                }
            }
            "negative" | "minus" => product.scale = -product.scale,
            "twice" | "double" => product.scale *= RBig::from(2),
            "triple" | "thrice" => product.scale *= RBig::from(3),
            word => {
                if let Some(known) = lookup(word) {
                    product = product.times(&known, sign * next_power * power);
                    last = Some(Unit::none().times(&known, sign));
                } else if let Some(scale) = scale_word(word) {
                    product.scale *= RBig::from(scale);
                } else if let Some(size) = part_word(word) {
                    product.scale /= RBig::from(size);
                } else if let Some((scale, rest)) = chinese_scale(word) {
                    product.scale *= RBig::from(scale);
                    if let Some(known) = lookup(rest) {
                        product = product.times(&known, sign);
                    }
                }
                next_power = 1;
            }
        }
    }
    product
}

/// A unit without the sign for square or cubic before it.
fn chinese_power(word: &str) -> (&str, i64) {
    if let Some(rest) = word.strip_prefix("平方") {
        (rest, 2)
    } else if let Some(rest) = word.strip_prefix("立方") {
        (rest, 3)
    } else {
        (word, 1)
    }
}

/// The scale that a word starts with, and the rest of it.
fn chinese_scale(word: &str) -> Option<(u64, &str)> {
    let first = word.chars().next()?;
    let (scale, rest) = word.split_at(first.len_utf8());
    let scale = if first.is_ascii() { None } else { scale_word(scale) }?;
    Some((scale, rest))
}
