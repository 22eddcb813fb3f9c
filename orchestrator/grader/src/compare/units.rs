//! Units of measurement: what they measure and how large they are.

use std::collections::BTreeMap;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use crate::ast::Expr;

/// A product of powers of units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// The size in base units.
    pub(super) factor: RBig,
    /// The powers of what is measured: length, mass, time, each currency.
    pub(super) dimensions: BTreeMap<&'static str, i64>,
}

impl Unit {
    fn none() -> Self {
        Self { factor: RBig::ONE, dimensions: BTreeMap::new() }
    }

    /// Whether this says nothing that could be compared.
    pub(super) fn is_label(&self) -> bool {
        self.dimensions.is_empty()
    }

    fn times(mut self, other: &Self, power: i64) -> Self {
        for _ in 0..power.unsigned_abs().min(9) {
            if power > 0 {
                self.factor *= &other.factor;
            } else {
                self.factor /= &other.factor;
            }
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
            Unit::none().times(&unit(base), power)
        }
        _ => Unit::none(),
    }
}

/// A phrase such as "square feet", "cm squared", "miles per hour".
fn phrase(words: &str) -> Unit {
    let mut product = Unit::none();
    let mut sign = 1;
    let mut next_power = 1;
    let mut last: Option<Unit> = None;
    for word in words.split([' ', '-']).filter(|word| !word.is_empty()) {
        match word {
            "per" => sign = -1,
            "square" | "sq" => next_power = 2,
            "cubic" | "cu" => next_power = 3,
            "squared" | "cubed" => {
                if let Some(known) = &last {
                    product = product.times(known, if word == "squared" { 1 } else { 2 });
                }
            }
            word => {
                if let Some(known) = lookup(word) {
                    product = product.times(&known, sign * next_power);
                    last = Some(Unit::none().times(&known, sign));
                }
                next_power = 1;
            }
        }
    }
    product
}

fn lookup(word: &str) -> Option<Unit> {
    const LENGTH: &str = "length";
    const MASS: &str = "mass";
    const TIME: &str = "time";
    let simple = |dimension: &'static str, top: u64, bottom: u64| {
        Some(Unit {
            factor: RBig::from_parts(IBig::from(top), UBig::from(bottom)),
            dimensions: BTreeMap::from([(dimension, 1)]),
        })
    };
    let compound = |parts: &[(&str, i64)]| {
        parts.iter().try_fold(Unit::none(), |product, (word, power)| {
            Some(product.times(&lookup(word)?, *power))
        })
    };
    match word {
        "m" | "meter" | "meters" | "metre" | "metres" => simple(LENGTH, 1, 1),
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => simple(LENGTH, 1000, 1),
        "dm" | "decimeter" | "decimeters" => simple(LENGTH, 1, 10),
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => {
            simple(LENGTH, 1, 100)
        }
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => {
            simple(LENGTH, 1, 1000)
        }
        "nm" | "nanometer" | "nanometers" => simple(LENGTH, 1, 1_000_000_000),
        "in" | "inch" | "inches" => simple(LENGTH, 254, 10_000),
        "ft" | "foot" | "feet" => simple(LENGTH, 3048, 10_000),
        "yd" | "yard" | "yards" => simple(LENGTH, 9144, 10_000),
        "mi" | "mile" | "miles" => simple(LENGTH, 1_609_344, 1000),
        "g" | "gram" | "grams" => simple(MASS, 1, 1),
        "kg" | "kilogram" | "kilograms" => simple(MASS, 1000, 1),
        "mg" | "milligram" | "milligrams" => simple(MASS, 1, 1000),
        "ton" | "tons" | "tonne" | "tonnes" => simple("ton", 1, 1),
        "lb" | "lbs" | "pound" | "pounds" => simple(MASS, 45_359_237, 100_000),
        "oz" | "ounce" | "ounces" => simple(MASS, 45_359_237, 1_600_000),
        "s" | "sec" | "secs" | "second" | "seconds" => simple(TIME, 1, 1),
        "ms" | "millisecond" | "milliseconds" => simple(TIME, 1, 1000),
        "min" | "mins" | "minute" | "minutes" => simple(TIME, 60, 1),
        "h" | "hr" | "hrs" | "hour" | "hours" => simple(TIME, 3600, 1),
        "day" | "days" => simple(TIME, 86_400, 1),
        "week" | "weeks" => simple(TIME, 604_800, 1),
        "month" | "months" => simple("month", 1, 1),
        "year" | "years" => simple("month", 12, 1),
        "mph" => compound(&[("mile", 1), ("hour", -1)]),
        "kmh" | "kph" => compound(&[("km", 1), ("hour", -1)]),
        "l" | "liter" | "liters" | "litre" | "litres" => compound(&[("dm", 3)]),
        "ml" | "milliliter" | "milliliters" => compound(&[("cm", 3)]),
        "hz" => compound(&[("s", -1)]),
        "n" | "newton" | "newtons" => compound(&[("kg", 1), ("m", 1), ("s", -2)]),
        "j" | "joule" | "joules" => compound(&[("kg", 1), ("m", 2), ("s", -2)]),
        "kj" => compound(&[("kg", 1), ("m", 2), ("s", -2)])
            .map(|unit| Unit { factor: unit.factor * RBig::from(1000), ..unit }),
        "w" | "watt" | "watts" => compound(&[("kg", 1), ("m", 2), ("s", -3)]),
        "$" | "dollar" | "dollars" | "usd" => simple("dollar", 1, 1),
        "¢" | "cent" | "cents" => simple("dollar", 1, 100),
        "€" | "euro" | "euros" | "eur" => simple("euro", 1, 1),
        "£" | "gbp" => simple("sterling", 1, 1),
        "₹" | "rupee" | "rupees" => simple("rupee", 1, 1),
        "yuan" | "rmb" => simple("yuan", 1, 1),
        "¥" | "yen" => simple("yen", 1, 1),
        "°C" | "celsius" => simple("celsius", 1, 1),
        "°F" | "fahrenheit" => simple("fahrenheit", 1, 1),
        "am" => simple("morning", 1, 1),
        "pm" => simple("afternoon", 1, 1),
        "rad" | "radian" | "radians" => simple("radian", 1, 1),
        _ => {
            // Signs of units have a case of their own in text.
            let lower = word.to_lowercase();
            if lower == word { None } else { lookup(&lower) }
        }
    }
}
