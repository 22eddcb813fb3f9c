//! Numbers of the last steps.

use retrial_protocol::Metric;
use retrial_store::RunData;

/// Steps that make a rule: what holds in the last two steps is no accident of one batch, and is said
/// after two steps at the latest. In a run of one step it is that one.
pub const STEPS: usize = 2;

/// The values of a metric by step; empty if it was never measured.
fn values(data: &RunData, metric: Metric) -> &[Option<f64>] {
    data.metrics.get(metric.name()).map_or(&[], Vec::as_slice)
}

/// The values of a metric in the last steps.
pub fn latest(data: &RunData, metric: Metric, steps: usize) -> &[Option<f64>] {
    let values = values(data, metric);
    &values[values.len().saturating_sub(steps)..]
}

/// The values of a metric in the last [`STEPS`] steps; none if one of them has none.
pub fn last(data: &RunData, metric: Metric) -> Option<Vec<f64>> {
    let all: Vec<f64> = latest(data, metric, STEPS).iter().copied().collect::<Option<_>>()?;
    (!all.is_empty()).then_some(all)
}

/// The values of a metric before the last [`STEPS`] steps.
pub fn before(data: &RunData, metric: Metric) -> Vec<f64> {
    let values = values(data, metric);
    values[..values.len().saturating_sub(STEPS)].iter().copied().flatten().collect()
}

/// The sum of a metric over the last steps.
pub fn sum(data: &RunData, metric: Metric, steps: usize) -> f64 {
    latest(data, metric, steps).iter().flatten().sum()
}

/// The least of some values.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The mean of some values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
