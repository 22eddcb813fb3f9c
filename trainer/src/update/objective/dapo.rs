//! DAPO (arXiv 2503.14476): the clipped surrogate with a wider clip above, mean over tokens. Dynamic
//! sampling and overlong responses are handled before the batch is made.

use super::totals::PartTotals;

/// `1 / tokens`.
pub fn weight(totals: PartTotals) -> f64 {
    1.0 / totals.tokens as f64
}
