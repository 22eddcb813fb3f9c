//! Series of numbers that may be missing.

/// Quotients, none where the divisor is 0 or missing.
pub fn ratio(above: &[Option<f64>], below: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = above.iter().zip(below);
    pairs
        .map(|(above, below)| {
            let below = (*below).filter(|&below| below > 0.0)?;
            Some((*above)? / below)
        })
        .collect()
}

/// Exponential moving averages: the weight of a number halves every `span` / 3 steps.
pub fn smoothed(values: &[Option<f64>], span: f64) -> Vec<Option<f64>> {
    let weight = 2.0 / (span + 1.0);
    let mut mean = None;
    values
        .iter()
        .map(|value| {
            let value = (*value)?;
            let next = mean.map_or(value, |mean: f64| mean + weight * (value - mean));
            mean = Some(next);
            mean
        })
        .collect()
}
