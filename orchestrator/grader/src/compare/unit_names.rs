//! The names of units, what they measure and how large they are.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::unit::{Unit, pound};

/// Whether a letter of plain mathematics can be the sign of a unit: `150 m/s`.
pub(super) fn is_symbol(name: &str) -> bool {
    matches!(
        name,
        "m" | "s" | "g" | "h" | "L" | "N" | "J" | "W" | "V" | "A" | "K" | "km" | "cm" | "Omega"
    )
}

/// The unit that a word names.
pub(super) fn lookup(word: &str) -> Option<Unit> {
    const LENGTH: &str = "length";
    const MASS: &str = "mass";
    const TIME: &str = "time";
    let simple = |dimension: &'static str, top: u64, bottom: u64| {
        Some(Unit::of(dimension, RBig::from_parts(IBig::from(top), UBig::from(bottom))))
    };
    let compound = |size: u64, parts: &[(&str, i64)]| {
        let unit = parts.iter().try_fold(Unit::none(), |product, (word, power)| {
            Some(product.times(&lookup(word)?, *power))
        })?;
        Some(Unit { factor: unit.factor.clone() * RBig::from(size), ..unit })
    };
    match word {
        "m" | "meter" | "meters" | "metre" | "metres" | "米" => simple(LENGTH, 1, 1),
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" | "kms" | "千米"
        | "公里" => simple(LENGTH, 1000, 1),
        "dm" | "decimeter" | "decimeters" | "分米" => simple(LENGTH, 1, 10),
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" | "cms" | "厘米" => {
            simple(LENGTH, 1, 100)
        }
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" | "毫米" => {
            simple(LENGTH, 1, 1000)
        }
        "nm" | "nanometer" | "nanometers" => simple(LENGTH, 1, 1_000_000_000),
        "in" | "inch" | "inches" => simple(LENGTH, 254, 10_000),
        "ft" | "foot" | "feet" => simple(LENGTH, 3048, 10_000),
        "yd" | "yds" | "yard" | "yards" => simple(LENGTH, 9144, 10_000),
        "mi" | "mile" | "miles" => simple(LENGTH, 1_609_344, 1000),
        "g" | "gram" | "grams" | "克" => simple(MASS, 1, 1),
        "kg" | "kgs" | "kilogram" | "kilograms" | "千克" | "公斤" => simple(MASS, 1000, 1),
        "mg" | "milligram" | "milligrams" => simple(MASS, 1, 1000),
        "ton" | "tons" | "tonne" | "tonnes" | "吨" => simple("ton", 1, 1),
        "lb" | "lbs" | "pound" | "pounds" => Some(Unit::of(MASS, pound())),
        "oz" | "ounce" | "ounces" => Some(Unit::of(MASS, pound() / RBig::from(16))),
        "s" | "sec" | "secs" | "second" | "seconds" | "秒" | "秒钟" => simple(TIME, 1, 1),
        "ms" | "millisecond" | "milliseconds" => simple(TIME, 1, 1000),
        "min" | "mins" | "minute" | "minutes" | "分钟" => simple(TIME, 60, 1),
        "h" | "hr" | "hrs" | "hour" | "hours" | "小时" => simple(TIME, 3600, 1),
        "day" | "days" | "天" => simple(TIME, 86_400, 1),
        "week" | "weeks" | "周" => simple(TIME, 604_800, 1),
        "month" | "months" | "个月" => simple("month", 1, 1),
        "year" | "years" | "年" => simple("month", 12, 1),
        "mph" => compound(1, &[("mile", 1), ("hour", -1)]),
        "kmh" | "kph" | "kmph" => compound(1, &[("km", 1), ("hour", -1)]),
        "l" | "L" | "liter" | "liters" | "litre" | "litres" | "升" => compound(1, &[("dm", 3)]),
        "ml" | "milliliter" | "milliliters" | "cc" | "毫升" => compound(1, &[("cm", 3)]),
        "cl" | "centiliter" | "centiliters" => compound(10, &[("cm", 3)]),
        "dl" | "deciliter" | "deciliters" => compound(100, &[("cm", 3)]),
        "hz" | "hertz" => compound(1, &[("s", -1)]),
        "n" | "newton" | "newtons" => compound(1000, &[("g", 1), ("m", 1), ("s", -2)]),
        "j" | "joule" | "joules" => compound(1000, &[("g", 1), ("m", 2), ("s", -2)]),
        "kj" | "kilojoules" => compound(1_000_000, &[("g", 1), ("m", 2), ("s", -2)]),
        "w" | "watt" | "watts" => compound(1000, &[("g", 1), ("m", 2), ("s", -3)]),
        "kw" | "kilowatt" | "kilowatts" => compound(1_000_000, &[("g", 1), ("m", 2), ("s", -3)]),
        "pa" | "pascal" | "pascals" => compound(1000, &[("g", 1), ("m", -1), ("s", -2)]),
        "cal" | "calorie" | "calories" => simple("calorie", 1, 1),
        "kcal" | "kilocalorie" | "kilocalories" => simple("calorie", 1000, 1),
        "ohm" | "ohms" | "Omega" | "Ω" => simple("ohm", 1, 1),
        "bit" | "bits" => simple("bit", 1, 1),
        "byte" | "bytes" => simple("bit", 8, 1),
        "hectare" | "hectares" | "ha" => compound(10_000, &[("m", 2)]),
        "acre" | "acres" => compound(43_560, &[("ft", 2)]),
        "gallon" | "gallons" | "gal" => simple("gallon", 1, 1),
        "quart" | "quarts" | "qt" => simple("gallon", 1, 4),
        "pint" | "pints" | "pt" => simple("gallon", 1, 8),
        "cup" | "cups" => simple("gallon", 1, 16),
        "khz" | "kilohertz" => compound(1_000, &[("s", -1)]),
        "mhz" | "megahertz" => compound(1_000_000, &[("s", -1)]),
        "ghz" | "gigahertz" => compound(1_000_000_000, &[("s", -1)]),
        "kpa" | "kilopascal" | "kilopascals" => compound(1_000, &[("pa", 1)]),
        "mol" | "mole" | "moles" => simple("mole", 1, 1),
        "decade" | "decades" => simple("month", 120, 1),
        "century" | "centuries" => simple("month", 1200, 1),
        "V" | "volt" | "volts" => simple("volt", 1, 1),
        "A" | "ampere" | "amperes" | "amps" => simple("ampere", 1, 1),
        "K" | "kelvin" | "kelvins" => simple("kelvin", 1, 1),
        "°C" | "celsius" => simple("celsius", 1, 1),
        "°F" | "fahrenheit" => simple("fahrenheit", 1, 1),
        "am" => simple("morning", 1, 1),
        "pm" => simple("afternoon", 1, 1),
        "rad" | "radian" | "radians" | "弧度" => simple("radian", 1, 1),
        _ => currency(word).or_else(|| {
            // Signs of units have a case of their own in text.
            let lower = word.to_lowercase();
            if lower == word { None } else { lookup(&lower) }
        }),
    }
}

/// The currency that a word or a sign names.
fn currency(word: &str) -> Option<Unit> {
    let of = |name: &'static str| Some(Unit::of(name, RBig::ONE));
    match word {
        "$" | "dollar" | "dollars" | "usd" | "us" | "美元" => of("dollar"),
        "¢" | "cent" | "cents" => {
            Some(Unit::of("dollar", RBig::from_parts(IBig::ONE, UBig::from(100_u8))))
        }
        "€" | "euro" | "euros" | "eur" | "欧元" => of("euro"),
        "£" | "gbp" | "英镑" => of("sterling"),
        "₹" | "rupee" | "rupees" | "rs" | "inr" | "रुपये" => of("rupee"),
        "yuan" | "rmb" | "cny" | "元" | "元人民币" | "人民币" => of("yuan"),
        // One sign for two currencies: it goes with both.
        "¥" => of("yen or yuan"),
        "yen" | "jpy" | "円" | "日元" => of("yen"),
        "₽" | "ruble" | "rubles" | "rouble" | "roubles" | "руб" | "рублей" | "рубля" | "рубль" => {
            of("rouble")
        }
        "₩" | "won" | "krw" | "원" => of("won"),
        "₺" | "lira" | "liras" => of("lira"),
        "₫" | "dong" | "vnd" => of("dong"),
        "₱" | "peso" | "pesos" => of("peso"),
        "฿" | "baht" => of("baht"),
        "₴" | "hryvnia" => of("hryvnia"),
        _ => None,
    }
}
