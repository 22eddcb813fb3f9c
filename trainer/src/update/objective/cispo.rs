//! CISPO (arXiv 2506.13585): REINFORCE with the clipped ratio as a weight, mean over tokens. The
//! clip bounds a token's gradient and never removes it.

use retrial_protocol::Objective;

use super::tokens::{Surrogate, Tokens};
use super::totals::PartTotals;
use tch::Tensor;

/// `1 / tokens`.
pub fn weight(totals: PartTotals) -> f64 {
    1.0 / totals.tokens as f64
}

/// `stop_gradient(clip(r)) A log pi`.
pub fn surrogate(settings: &Objective, ratios: &Tensor, tokens: &Tokens<'_>) -> Surrogate {
    let (low, high) = settings.ratio_bounds();
    let ratios = ratios.detach();
    let clipped = ratios.gt(high).logical_or(&ratios.lt(low));
    let values = ratios.clamp(low, high) * tokens.advantages * tokens.logprobs;
    Surrogate { values, clipped }
}
