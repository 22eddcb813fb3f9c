//! The difference between a server's log-probabilities and the trainer's.
//!
//! Kernels in bf16 give a few tokens of a hundred an error of tenths of a nat, on healthy
//! servers. So no single token decides: the mean does, with a confidence bound.

/// Standard errors within which the mean of a healthy server stays.
const SURE: f64 = 4.0;
/// Largest standard deviation of a healthy server's differences, as a multiple of the tolerance.
const NOISE: f64 = 3.0;

/// Differences of token log-probabilities, nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Differences {
    /// Number of tokens.
    pub tokens: usize,
    /// Mean of the absolute differences.
    pub mean: f64,
    /// Their median.
    pub median: f64,
    /// The largest.
    pub largest: f64,
    /// Standard error of the mean.
    error: f64,
}

impl Differences {
    /// From pairs of the server's and the trainer's numbers. NaN counts as infinitely different.
    pub fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let distance = |(server, trainer): (f64, f64)| (server - trainer).abs();
        let mut all: Vec<f64> = pairs
            .map(distance)
            .map(|difference| if difference.is_nan() { f64::INFINITY } else { difference })
            .collect();
        if all.is_empty() {
            return Self::default();
        }
        all.sort_unstable_by(f64::total_cmp);
        let count = all.len() as f64;
        let mean = all.iter().sum::<f64>() / count;
        let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let (median, largest) = (all[all.len() / 2], all[all.len() - 1]);
        let error = (variance / count).sqrt();
        Self { tokens: all.len(), mean, median, largest, error }
    }

    /// Whether the mean is significantly above a bound. A few outliers do not show it; it
    /// does if most tokens exceed the bound, however few there are.
    pub fn exceed(&self, tolerance: f64) -> bool {
        // The noise of a healthy server is at most this: of three tokens, an outlier
        // must not excuse the others.
        let error = self.error.min(NOISE * tolerance / (self.tokens.max(1) as f64).sqrt());
        let surely = self.mean - SURE * error > tolerance;
        // Written so that infinities exceed any bound.
        self.median > tolerance || surely || !self.mean.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(differences: &[f64]) -> Differences {
        Differences::of(differences.iter().map(|difference| (difference - 1.0, -1.0)))
    }

    #[test]
    fn the_mean_decides_and_not_a_single_token() {
        // One of twenty tokens has the error of bf16 kernels.
        let mut healthy = [0.001; 20];
        healthy[7] = -0.4;
        assert!(!of(&healthy).exceed(0.02), "{:?}", of(&healthy));
        assert!(of(&[0.05; 20]).exceed(0.02));
        let doubtful: Vec<f64> = (0..1000).map(|i| if i % 5 == 0 { 0.3 } else { 0.0 }).collect();
        assert!(of(&doubtful).exceed(0.02), "thousands of tokens make even a few of ten sure");
        assert!(!of(&[3e-6; 50]).exceed(1e-4));
        assert!(of(&[2e-4; 3]).exceed(1e-4), "most tokens are beyond it");
        assert!(of(&[0.0, 0.25, 0.0]).exceed(1e-4), "a single one, far beyond all noise in f32");
    }

    #[test]
    fn what_is_no_number_exceeds_every_bound() {
        assert!(Differences::of([(f64::NAN, -1.0)].into_iter()).exceed(1.0));
        assert!(of(&[0.0, 0.0, f64::INFINITY]).exceed(1.0));
        assert!(!Differences::of(std::iter::empty()).exceed(1e-4));
    }
}
