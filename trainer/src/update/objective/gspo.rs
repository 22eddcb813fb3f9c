//! GSPO (arXiv 2507.18071): one ratio a response, the geometric mean of its tokens' ratios, clipped
//! as a whole; mean over responses.

use retrial_protocol::Objective;
use tch::Tensor;

use super::clipped;
use super::tokens::{Surrogate, Tokens};
use super::totals::PartTotals;

/// `1 / (responses x length)`: a response counts once, spread over its tokens.
pub fn weight(totals: PartTotals, length: usize) -> f64 {
    1.0 / (totals.samples as f64 * length as f64)
}

/// The clipped surrogate of the response's ratio, equal for each of its tokens.
pub fn surrogate(settings: &Objective, log_ratios: &Tensor, tokens: &Tokens<'_>) -> Surrogate {
    let sums = tokens.lengths.zeros_like().to_kind(log_ratios.kind());
    let means = sums.index_add(0, tokens.samples, log_ratios) / tokens.lengths;
    let ratios = means.exp().index_select(0, tokens.samples);
    clipped::surrogate(settings, &ratios, tokens.advantages)
}
