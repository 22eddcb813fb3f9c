//! DAPO (arXiv 2503.14476): the clipped surrogate with more room above, mean over tokens. Dynamic
//! sampling and what becomes of overlong responses are decided before the batch is made.

use super::totals::PartTotals;

/// `1 / tokens`.
pub fn weight(totals: PartTotals) -> f64 {
    1.0 / totals.tokens as f64
}
