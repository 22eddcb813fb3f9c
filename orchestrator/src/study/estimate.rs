//! Means over seeds with their confidence intervals.

use std::fmt;

/// 97.5 % quantiles of Student's t for 1, 2, 3 ... degrees of freedom.
const T: [f64; 20] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
];
/// The limit of this quantile for many degrees of freedom.
const T_OF_MANY: f64 = 1.96;

/// A mean and half the width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width; none for a single value.
    pub half: Option<f64>,
}

impl Estimate {
    /// The estimate from independent values, one a seed; none without values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let degrees = n.checked_sub(1)?;
        if degrees == 0 {
            return Some(Self { mean, half: None });
        }
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / degrees as f64;
        let t = T.get(degrees - 1).copied().unwrap_or(T_OF_MANY);
        Some(Self { mean, half: Some(t * (variance / n as f64).sqrt()) })
    }

    /// Whether the interval excludes zero.
    pub fn excludes_zero(&self) -> bool {
        self.half.is_some_and(|half| self.mean.abs() > half)
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(3);
        if f.sign_plus() {
            write!(f, "{:+.places$}", self.mean)?;
        } else {
            write!(f, "{:.places$}", self.mean)?;
        }
        match self.half {
            Some(half) => write!(f, " ± {half:.places$}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_five_seeds() {
        // Standard deviation 1.5811, over sqrt(5), times t of 4 degrees of freedom.
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((estimate.mean - 3.0).abs() < 1e-12);
        assert!((estimate.half.unwrap() - 1.9629).abs() < 1e-3, "{estimate}");
        assert!(estimate.excludes_zero());
        assert_eq!(format!("{estimate:.2}"), "3.00 ± 1.96");
    }

    #[test]
    fn one_value_has_no_interval() {
        assert_eq!(Estimate::of(&[0.5]).unwrap().to_string(), "0.500");
        assert!(!Estimate::of(&[0.5]).unwrap().excludes_zero());
        assert_eq!(Estimate::of(&[]), None);
        assert!(!Estimate::of(&[-1.0, 1.0]).unwrap().excludes_zero());
    }
}
