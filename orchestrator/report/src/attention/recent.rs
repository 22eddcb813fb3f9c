//! Numbers of the last steps.

use retrial_protocol::Metric;
use retrial_store::RunData;

/// Steps that make a rule: what holds in the last two steps is no accident of one batch, and is said
/// after two steps at the latest. In a run of one step it is that one.
pub const STEPS: usize = 2;

/// The values of a metric in the last [`STEPS`] steps; none if one of them has none.
pub fn last(data: &RunData, metric: Metric) -> Option<Vec<f64>> {
    let values = data.metrics.get(metric.name())?;
    let values = &values[values.len().saturating_sub(STEPS)..];
    let all: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
    (!all.is_empty()).then_some(all)
}

/// The values of a metric before the last [`STEPS`] steps.
pub fn before(data: &RunData, metric: Metric) -> Vec<f64> {
    let values = data.metrics.get(metric.name()).map_or(&[][..], Vec::as_slice);
    values[..values.len().saturating_sub(STEPS)].iter().copied().flatten().collect()
}

/// The sum of a metric over the last steps.
pub fn sum(data: &RunData, metric: Metric, steps: usize) -> f64 {
    let values = data.metrics.get(metric.name()).map_or(&[][..], Vec::as_slice);
    values[values.len().saturating_sub(steps)..].iter().flatten().sum()
}

/// The least of some values.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The mean of some values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
