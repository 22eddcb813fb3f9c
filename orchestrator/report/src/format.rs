//! Numbers, formatted for people.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Three significant digits, as short as possible.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not a number".into();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{value:.1e}");
    }
    if value.fract() == 0.0 {
        return grouped(value as i64);
    }
    let digits = match size {
        1000.0.. => return grouped(value.round() as i64),
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.01.. => 3,
        _ => 5,
    };
    format!("{value:.digits$}")
}

/// A whole number with a thousands separator.
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            // A narrow no-break space.
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    if value < 0 { format!("−{shown}") } else { shown }
}

/// A share between 0 and 1, with three decimals wherever one is shown.
pub fn share(share: f64) -> String {
    format!("{share:.3}")
}

/// A duration: `0.42 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 => format!("{:.2} s", seconds.max(0.0)),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86400, whole % 86400 / 3600),
    }
}

/// A duration in its largest unit, for a status.
pub fn roughly(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min", whole / 60),
        3600..86400 => format!("{} h", whole / 3600),
        _ => format!("{} d", whole / 86400),
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.93812, "0.938"),
            (0.00123, "0.00123"),
            (12.345, "12.3"),
            (1234.6, "1\u{202f}235"),
            (48.0, "48"),
            (-1_000_000.0, "−1\u{202f}000\u{202f}000"),
            (3e-7, "3.0e-7"),
            (f64::NAN, "not a number"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn durations_have_two_units() {
        let cases = [
            (0.421, "0.42 s"),
            (12.4, "12 s"),
            (185.0, "3 min 5 s"),
            (7800.0, "2 h 10 min"),
            (273_600.0, "3 d 4 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(roughly(250.0), "4 min");
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
