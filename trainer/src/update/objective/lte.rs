//! LTE (arXiv 2510.26109, section 3): the clipped surrogate, mean over tokens.

use super::totals::PartTotals;

/// `1 / Z`.
pub fn weight(totals: PartTotals) -> f64 {
    1.0 / totals.tokens as f64
}
