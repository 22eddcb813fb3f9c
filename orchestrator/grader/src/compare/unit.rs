//! A unit of measurement: what it measures and how large it is.

use std::collections::BTreeMap;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use crate::ast::{Expr, Num};

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
        self.factor == pound()
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

    /// The product with a power of another unit; powers are small (see `units`).
    pub(super) fn times(mut self, other: &Self, power: i64) -> Self {
        for _ in 0..power.unsigned_abs() {
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

/// A pound, in grams.
pub(super) fn pound() -> RBig {
    RBig::from_parts(IBig::from(45_359_237), UBig::from(100_000_u32))
}
