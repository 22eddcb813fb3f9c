//! Bootstrap confidence intervals: how far a score would move with other problems of the same kind.
//!
//! Problems are resampled with replacement, each set separately; the interval is from the
//! 2.5 % to the 97.5 % quantile of the resampled scores. The generator starts from a fixed seed:
//! the same results have the same interval.

use rand::RngExt;
use retrial_domain::mean;
use retrial_lte::Seed;

/// Number of resamples.
const DRAWS: usize = 2000;
const SEED: Seed = Seed(0);

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The interval of the mean over sets of the mean over the problems of each, from the values of
/// their problems. None if a set is empty, or there is none.
pub fn interval(sets: &[Vec<f64>]) -> Option<Interval> {
    if sets.is_empty() || sets.iter().any(Vec::is_empty) {
        return None;
    }
    let mut generator = SEED.generator();
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let means = sets.iter().map(|values| {
                let draw = |_| values[generator.random_range(0..values.len())];
                (0..values.len()).map(draw).sum::<f64>() / values.len() as f64
            });
            mean(&means.collect::<Vec<_>>())
        })
        .collect();
    draws.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| draws[(share * (DRAWS - 1) as f64).round() as usize];
    Some(Interval { low: quantile(0.025), high: quantile(0.975) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_of_many_coins_is_the_normal_one() {
        // Standard error sqrt(0.25 / 400) = 0.025, times 1.96.
        let coins: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let Interval { low, high } = interval(&[coins]).unwrap();
        assert!((low - 0.451).abs() < 0.006 && (high - 0.549).abs() < 0.006, "{low} {high}");
    }

    #[test]
    fn nothing_has_no_interval() {
        assert_eq!(interval(&[]), None);
        assert_eq!(interval(&[vec![1.0], vec![]]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_holds_the_values_and_is_the_same_again(
            sets in prop::collection::vec(prop::collection::vec(0.0..=1.0f64, 1..20), 1..4),
            shift in -1.0..1.0f64,
        ) {
            let found = interval(&sets).unwrap();
            prop_assert_eq!(interval(&sets), Some(found));
            let means: Vec<f64> = sets.iter().map(|values| mean(values)).collect();
            let (least, most) = sets.iter().fold((0.0, 0.0), |(least, most), values| {
                (least + values.iter().copied().fold(1.0, f64::min),
                 most + values.iter().copied().fold(0.0, f64::max))
            });
            let n = means.len() as f64;
            prop_assert!(least / n - 1e-9 <= found.low && found.low <= found.high);
            prop_assert!(found.high <= most / n + 1e-9);
            // Shifting all values shifts the interval.
            let moved: Vec<Vec<f64>> = sets.iter()
                .map(|values| values.iter().map(|x| x + shift).collect()).collect();
            let moved = interval(&moved).unwrap();
            prop_assert!((moved.low - found.low - shift).abs() < 1e-9);
            prop_assert!((moved.high - found.high - shift).abs() < 1e-9);
        }

        #[test]
        fn equal_values_leave_no_doubt(value in 0.0..=1.0f64, n in 1..50usize) {
            let Interval { low, high } = interval(&[vec![value; n]]).unwrap();
            prop_assert!((low - value).abs() < 1e-9 && (high - value).abs() < 1e-9);
        }
    }
}
