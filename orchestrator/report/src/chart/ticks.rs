//! Marks of an axis: round numbers, each with a label of its own.

use crate::format::{grouped, number};

/// A mark of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where it is.
    pub at: f64,
    /// Its label.
    pub label: String,
}

/// Round numbers across a span, three to six of them; the last is at or above its end.
pub fn ticks(low: f64, high: f64) -> Vec<Tick> {
    let rough = (high - low) / 3.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    let at = |place: usize| (first + place as f64) * step;
    let count = (last - first) as usize;
    (0..=count).map(|place| Tick { at: at(place), label: label(at(place), step) }).collect()
}

/// 1, 2 and 5 times the powers of ten across a span of positive numbers; the powers alone where it is wide.
pub fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let times: &[f64] = if last - first > 2 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let every = ((last - first) / 6 + 1) as usize;
    let powers = (first..=last).step_by(every);
    let all: Vec<f64> =
        powers.flat_map(|power| times.iter().map(move |by| by * 10_f64.powi(power))).collect();
    // One at or below the least number, one at or above the greatest.
    let from = all.iter().rposition(|at| *at <= low * 1.000_001).unwrap_or(0);
    let to = all.iter().position(|at| *at >= high * 0.999_999).unwrap_or(all.len() - 1);
    let to = to.max((from + 1).min(all.len() - 1));
    all[from..=to].iter().map(|&at| Tick { at, label: label(at, at) }).collect()
}

/// A round number with as many digits as tell it from those a step away.
fn label(at: f64, step: f64) -> String {
    if at.abs() < step * 1e-6 {
        return "0".into();
    }
    let size = at.abs();
    if !(1e-4..1e7).contains(&size) {
        // 2.5e-7, and 2e-7.
        let shown = format!("{at:.2e}");
        let (digits, power) = shown.split_once('e').unwrap_or((&shown, "0"));
        return format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    if step >= 1.0 && step.fract() == 0.0 {
        return grouped(at.round() as i64);
    }
    // A step of 0.25 has one digit more than its power.
    let digits = (1.0 - step.log10().floor()).max(0.0) as usize;
    let shown = format!("{at:.digits$}");
    if shown.contains('.') {
        shown.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ticks: &[Tick]) -> Vec<f64> {
        ticks.iter().map(|tick| tick.at).collect()
    }

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| &*tick.label).collect()
    }

    #[test]
    fn ticks_are_round_and_cover_the_span() {
        let cases: [(f64, f64, &[f64]); 4] = [
            (0.0, 1.0, &[0.0, 0.5, 1.0]),
            (0.0, 48.0, &[0.0, 20.0, 40.0, 60.0]),
            (-0.3, 0.4, &[-0.5, -0.25, 0.0, 0.25, 0.5]),
            (1e-5, 4e-5, &[1e-5, 2e-5, 3e-5, 4e-5]),
        ];
        for (low, high, expected) in cases {
            let found = at(&ticks(low, high));
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(labels(&ticks(0.0, 1.0)), ["0", "0.5", "1"]);
        assert_eq!(labels(&ticks(0.0, 0.3)), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(
            labels(&ticks(0.0, 4500.0)),
            ["0", "2\u{202f}000", "4\u{202f}000", "6\u{202f}000"]
        );
        assert_eq!(labels(&ticks(0.0, 6e-7)), ["0", "2e-7", "4e-7", "6e-7"]);
    }

    #[test]
    fn no_label_is_on_an_axis_twice() {
        for (low, high) in
            [(0.921, 0.929), (0.9, 0.971), (1000.0, 1001.0), (3.0e-5, 3.2e-5), (-2.0, 11.0)]
        {
            let found = ticks(low, high);
            let mut known = labels(&found);
            known.sort_unstable();
            known.dedup();
            assert_eq!(known.len(), found.len(), "{low} to {high}: {found:?}");
        }
    }

    #[test]
    fn a_log_axis_has_powers_of_ten() {
        assert_eq!(labels(&log_ticks(0.02, 0.3)), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(labels(&log_ticks(2e-6, 30.0)).first(), Some(&"1e-6"));
        let found = log_ticks(0.5, 0.5);
        assert!(found.len() > 1 && found[0].at < found[1].at, "{found:?}");
    }
}
