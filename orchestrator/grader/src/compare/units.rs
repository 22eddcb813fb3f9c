//! Units of measurement: what they measure and how large they are.

use std::collections::BTreeMap;

use dashu_ratio::RBig;

pub(super) use super::unit_names::is_symbol;
use super::unit_names::lookup;
use crate::ast::{Expr, Num};
use crate::parse::{part_word, scale_word};

/// A product of powers of units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// The size in base units.
    pub(super) factor: RBig,
    /// What words of scale multiply the number by: "million", "dozen", "below zero".
    pub(super) scale: RBig,
    /// The power that words raise the number to: "squared".
    pub(super) power: u8,
    /// The powers of what is measured: length, mass, time, each currency.
    pub(super) dimensions: BTreeMap<&'static str, i64>,
}

impl Unit {
    pub(super) fn none() -> Self {
        Self { factor: RBig::ONE, scale: RBig::ONE, power: 1, dimensions: BTreeMap::new() }
    }

    pub(super) fn of(dimension: &'static str, factor: RBig) -> Self {
        Self { factor, dimensions: BTreeMap::from([(dimension, 1)]), ..Self::none() }
    }

    /// Whether this and another measure the same.
    pub(super) fn measures(&self, other: &Self) -> bool {
        let two_currencies = |a: &Self, b: &Self| {
            let only = |unit: &Self, names: &[&str]| {
                unit.dimensions.len() == 1
                    && unit
                        .dimensions
                        .iter()
                        .all(|(name, power)| *power == 1 && names.contains(name))
            };
            // The sign ¥ is that of two currencies; a pound is money, too.
            only(a, &["yen or yuan"]) && only(b, &["yen", "yuan"])
                || only(a, &["sterling"]) && only(b, &["mass"]) && b.is_pound()
        };
        self.dimensions == other.dimensions
            || two_currencies(self, other)
            || two_currencies(other, self)
    }

    fn is_pound(&self) -> bool {
        lookup("pound").is_some_and(|pound| pound.factor == self.factor)
    }

    /// Whether no word changes the number.
    pub(super) fn is_plain(&self) -> bool {
        self.scale.is_one() && self.power == 1
    }

    /// A number with what the words say about its size.
    pub(super) fn scaled(&self, number: Expr) -> Expr {
        let number = if self.power == 1 {
            number
        } else {
            Expr::Pow(Box::new(number), Box::new(Expr::int(i64::from(self.power))))
        };
        if self.scale.is_one() {
            return number;
        }
        // A decimal times a whole number is as exact as it is written: 1.5 million.
        let scale = Num { value: self.scale.clone(), decimal: None };
        match number {
            Expr::Num(num) => Expr::Num(Num { value: num.value * scale.value, decimal: None }),
            other => other.times(Expr::Num(scale)),
        }
    }

    /// Whether this says nothing that could be compared.
    pub(super) fn is_label(&self) -> bool {
        self.dimensions.is_empty()
    }

    pub(super) fn times(mut self, other: &Self, power: i64) -> Self {
        for _ in 0..power.unsigned_abs().min(9) {
            if power > 0 {
                self.factor *= &other.factor;
            } else {
                self.factor /= &other.factor;
            }
        }
        if power > 0 {
            self.scale *= &other.scale;
            self.power = self.power.max(other.power);
        }
        for (dimension, exponent) in &other.dimensions {
            let total = self.dimensions.entry(dimension).or_insert(0);
            *total += exponent * power;
        }
        self.dimensions.retain(|_, exponent| *exponent != 0);
        self
    }
}

/// The unit that an expression of words stands for; words that are no units are labels.
pub(super) fn unit(expr: &Expr) -> Unit {
    match expr {
        Expr::Text(words) | Expr::Var(words) => phrase(words),
        Expr::Mul(factors) => {
            factors.iter().fold(Unit::none(), |product, factor| product.times(&unit(factor), 1))
        }
        Expr::Div(top, bottom) => unit(top).times(&unit(bottom), -1),
        Expr::Pow(base, exponent) => {
            let power = match &**exponent {
                Expr::Num(num) => i64::try_from(num.value.numerator()).unwrap_or(1),
                Expr::Neg(inner) => match &**inner {
                    Expr::Num(num) => -i64::try_from(num.value.numerator()).unwrap_or(1),
                    _ => 1,
                },
                _ => 1,
            };
            // m s^{-1} without its blank.
            if power < 0 && matches!(&**base, Expr::Text(words) if words == "ms") {
                return phrase("m").times(&phrase("s"), power);
            }
            Unit::none().times(&unit(base), power)
        }
        _ => Unit::none(),
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
