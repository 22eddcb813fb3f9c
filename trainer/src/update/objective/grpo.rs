//! GRPO (arXiv 2402.03300): the clipped surrogate, mean over each response's tokens, then over
//! responses.

use super::totals::PartTotals;

/// `1 / (responses x length)`.
pub fn weight(totals: PartTotals, length: usize) -> f64 {
    1.0 / (totals.samples as f64 * length as f64)
}
