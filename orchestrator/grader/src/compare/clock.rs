//! Times of day.

use dashu_ratio::RBig;

use crate::ast::{Clock, Expr, Half};
use crate::parse::half_of_day;
use crate::verdict::Reason;

const HOUR: u32 = 3_600;

/// Compares two times of day; nothing if one side is none.
pub(super) fn compare(gold: &Expr, answer: &Expr) -> Option<Reason> {
    let (gold, answer) = (clock(gold)?, clock(answer)?);
    let same = match (gold.half, answer.half) {
        (Some(_), Some(_)) => exact(gold) == exact(answer),
        // 24:00 is 0:00.
        (None, None) => gold.seconds % (24 * HOUR) == answer.seconds % (24 * HOUR),
        (Some(_), None) => says(answer, gold),
        (None, Some(_)) => says(gold, answer),
    };
    Some(if same { Reason::SameValue } else { Reason::DifferentValue })
}

/// Whether a time without its half of the day is one that has it.
fn says(bare: Clock, full: Clock) -> bool {
    let by_24_hours = bare.seconds >= 13 * HOUR || bare.seconds < HOUR;
    if by_24_hours { bare.seconds == exact(full) } else { bare.seconds == full.seconds }
}

/// Seconds since midnight.
fn exact(clock: Clock) -> u32 {
    match clock.half {
        Some(Half::Afternoon) if clock.seconds < 12 * HOUR => clock.seconds + 12 * HOUR,
        Some(Half::Morning) if clock.seconds / HOUR == 12 => clock.seconds - 12 * HOUR,
        _ => clock.seconds,
    }
}

/// The time that an expression is: `4:20`, `4 p.m.`, "noon".
fn clock(expr: &Expr) -> Option<Clock> {
    match expr {
        Expr::Clock(clock, _) => Some(*clock),
        Expr::Text(words) if words == "noon" => {
            Some(Clock { seconds: 12 * HOUR, half: Some(Half::Afternoon) })
        }
        Expr::Text(words) if words == "midnight" => {
            Some(Clock { seconds: 12 * HOUR, half: Some(Half::Morning) })
        }
        Expr::Mul(factors) => match factors.as_slice() {
            [Expr::Num(hour), Expr::Text(words)] => {
                let hour: u32 = Some(&hour.value)
                    .filter(|hour| hour.is_int())
                    .and_then(|hour| hour.numerator().try_into().ok())?;
                let half = Some(half_of_day(words)?);
                (hour <= 24).then_some(Clock { seconds: hour * HOUR, half })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether hours and minutes may be the terms of a ratio: 16:09 is a time, 16:10 may be either.
pub(super) fn may_be_ratio(terms: &[Expr]) -> bool {
    let ten = RBig::from(10);
    terms.iter().skip(1).all(|term| matches!(term, Expr::Num(num) if num.value >= ten))
}

/// Whether the terms of a ratio have no divisor in common.
pub(super) fn in_lowest_terms(terms: &[Expr]) -> bool {
    let whole = |term: &Expr| match term {
        Expr::Num(num) => u32::try_from(num.value.numerator()).ok(),
        _ => None,
    };
    let Some(numbers) = terms.iter().map(whole).collect::<Option<Vec<u32>>>() else {
        return false;
    };
    let common = numbers.into_iter().fold(0, |mut a, mut b| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    common == 1
}

/// The time as text: by 24 hours where the half of the day is known.
pub(super) fn print(clock: Clock) -> String {
    let seconds = exact(clock);
    let (hours, minutes, rest) = (seconds / HOUR, seconds / 60 % 60, seconds % 60);
    let half = if clock.half.is_some() { " o'clock" } else { "" };
    if rest == 0 {
        format!("{hours}:{minutes:02}{half}")
    } else {
        format!("{hours}:{minutes:02}:{rest:02}{half}")
    }
}
