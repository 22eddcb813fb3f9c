//! The clipped surrogate of PPO (arXiv 1707.06347), with the dual clip of arXiv 1912.09729.

use retrial_protocol::Objective;
use tch::Tensor;

use super::tokens::Surrogate;

/// `min(r A, clip(r) A)`; with a dual clip, at least `c A` where A is negative.
pub fn surrogate(settings: &Objective, ratios: &Tensor, advantages: &Tensor) -> Surrogate {
    let (low, high) = settings.ratio_bounds();
    let plain = (ratios * advantages).minimum(&(ratios.clamp(low, high) * advantages));
    let values = match settings.dual_clip {
        Some(bound) => {
            let bounded = plain.maximum(&(advantages * bound));
            bounded.where_self(&advantages.lt(0.0), &plain)
        }
        None => plain,
    };
    // The clipped side is the minimum: no gradient.
    let above = advantages.gt(0.0).logical_and(&ratios.gt(high));
    let below = advantages.lt(0.0).logical_and(&ratios.lt(low));
    Surrogate { values, clipped: above.logical_or(&below) }
}
