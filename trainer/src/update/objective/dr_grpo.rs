//! Dr. GRPO (arXiv 2503.20783): the clipped surrogate, each response's sum divided by a constant
//! rather than by its own length. Its advantages come without division by the deviation.

use retrial_protocol::Objective;

use super::totals::PartTotals;

/// `1 / (responses x divisor)`; the mean length is the divisor if none is set.
pub fn weight(settings: &Objective, totals: PartTotals) -> f64 {
    match settings.length_divisor {
        Some(divisor) => 1.0 / (totals.samples as f64 * divisor),
        None => 1.0 / totals.tokens as f64,
    }
}
