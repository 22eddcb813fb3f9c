//! Pass@1 and unbiased Pass@k of graded samples.

use retrial_grader::Verdict;

use crate::GradedRollout;

/// The result on one set of problems.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean share of correct samples.
    pub pass_at_1: f64,
    /// Mean probability that at least one of k samples is correct.
    pub pass_at_k: f64,
    /// k, the samples a problem.
    pub k: u32,
    /// Problems.
    pub problems: usize,
}

impl Score {
    /// The score of a set with k samples a problem, from the tally of each problem.
    pub fn of(problems: &[Tally], k: u32) -> Self {
        let (at_1, at_k) = (by_problem(problems, 1), by_problem(problems, k));
        Self { pass_at_1: mean(&at_1), pass_at_k: mean(&at_k), k, problems: at_1.len() }
    }
}

/// The standard errors of Pass@1 and Pass@k over the problems: how far the scores would move with
/// other problems of the same kind.
pub fn standard_errors(problems: &[Tally], k: u32) -> (f64, f64) {
    let error = |values: Vec<f64>| {
        let mean = mean(&values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let n = values.len() as f64;
        if n < 2.0 { 0.0 } else { (squares / (n * (n - 1.0))).sqrt() }
    };
    (error(by_problem(problems, 1)), error(by_problem(problems, k)))
}

/// Counts of a problem's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Graded samples.
    pub tries: u64,
    /// Correct samples.
    pub correct: u64,
}

impl Tally {
    /// From graded samples.
    pub fn of(graded: &[GradedRollout]) -> Self {
        let count = |test: fn(Verdict) -> bool| {
            graded.iter().filter(|graded| test(graded.verdict())).count() as u64
        };
        Self {
            tries: count(|verdict| verdict != Verdict::Timeout),
            correct: count(|verdict| verdict == Verdict::Correct),
        }
    }

    /// Pass@k, if any sample could be graded.
    pub fn pass_at(self, k: u32) -> Option<f64> {
        (self.tries > 0).then(|| pass_at_k(self.tries, self.correct, u64::from(k)))
    }
}

/// Pass@k of each problem with a graded sample.
fn by_problem(problems: &[Tally], k: u32) -> Vec<f64> {
    problems.iter().filter_map(|tally| tally.pass_at(k)).collect()
}

/// The mean; 0 if empty.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The unbiased estimate `1 - C(n - c, k) / C(n, k)` from n samples of which c are correct; with
/// fewer than k samples, whether any is correct.
pub fn pass_at_k(n: u64, c: u64, k: u64) -> f64 {
    if n.saturating_sub(c) < k {
        return if c > 0 { 1.0 } else { 0.0 };
    }
    1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        let cases = [
            (8, 0, 8, 0.0),
            (8, 1, 8, 1.0),
            (8, 2, 1, 0.25),
            (4, 2, 2, 1.0 - 1.0 / 6.0),
            (16, 3, 4, 1.0 - 715.0 / 1820.0),
            (3, 0, 4, 0.0),
            (3, 1, 4, 1.0),
        ];
        for (n, c, k, expected) in cases {
            let found = pass_at_k(n, c, k);
            assert!((found - expected).abs() < 1e-12, "{n} {c} {k}: {found}");
        }
    }

    proptest! {
        #[test]
        fn pass_at_k_grows_with_k_and_with_successes(
            (n, c, k) in (1..64u64).prop_flat_map(|n| (Just(n), 0..=n, 1..=n)),
        ) {
            let here = pass_at_k(n, c, k);
            prop_assert!((0.0..=1.0).contains(&here));
            prop_assert!(k == 1 || here >= pass_at_k(n, c, k - 1) - 1e-12);
            prop_assert!(c == 0 || here >= pass_at_k(n, c - 1, k) - 1e-12);
        }
    }
}
