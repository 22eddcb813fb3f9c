//! Series of numbers that may be missing.

/// Quotients, none where there is nothing to divide by.
pub fn ratio(above: &[Option<f64>], below: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = above.iter().zip(below);
    pairs
        .map(|(above, below)| {
            let below = (*below).filter(|&below| below > 0.0)?;
            Some((*above)? / below)
        })
        .collect()
}

/// Running means that forget: each number counts half as much as `span` / 3 steps later.
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
