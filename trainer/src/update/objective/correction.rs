//! Weights for tokens whose probability differs between sampler and trainer: truncated importance
//! sampling, and the masking of `IcePop`.

use retrial_protocol::{Correction, Level};
use tch::Tensor;

/// Correction weights of tokens.
pub struct Corrected {
    /// c, `[N]`, without gradient.
    pub weights: Tensor,
    /// Tokens whose weight was truncated, or that are dropped, `[N]`, bool.
    pub bounded: Tensor,
}

/// c of each token, given `log pi_old - log pi_sampler` `[N]`, the token's sample `[N]` and the
/// samples' lengths `[S]`. None if there is no correction.
pub fn weights(
    correction: Correction,
    mismatch: &Tensor,
    samples: &Tensor,
    lengths: &Tensor,
) -> Option<Corrected> {
    tch::no_grad(|| match correction {
        Correction::Off => None,
        Correction::Tis { cap, level } => {
            let logs = match level {
                Level::Token => mismatch.shallow_clone(),
                Level::Sequence => {
                    let sums = lengths.zeros_like().to_kind(mismatch.kind());
                    sums.index_add(0, samples, mismatch).index_select(0, samples)
                }
            };
            let ratios = logs.exp();
            Some(Corrected { weights: ratios.clamp_max(cap), bounded: ratios.gt(cap) })
        }
        Correction::IcePop { low, high } => {
            let ratios = mismatch.exp();
            let bounded = ratios.lt(low).logical_or(&ratios.gt(high));
            let weights = ratios.zeros_like().where_self(&bounded, &ratios);
            Some(Corrected { weights, bounded })
        }
    })
}
