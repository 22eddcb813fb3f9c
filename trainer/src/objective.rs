//! The mixed-policy objective (arXiv 2510.26109, section 3), as a function of tensors.
//!
//! ```text
//! J = 1/Z' sum over hinted tokens     f(rho) A
//!   + 1/Z  sum over on-policy tokens  min(r A, clip(r, 1 - low, 1 + high) A)
//!
//! r   = pi_theta(o_t | q) / pi_old(o_t | q)
//! rho = pi_theta(o_t | q) / pi_old(o_t | hint, q)        (other denominators: Denominator)
//! f(x) = x / (x + gamma)
//! ```
//!
//! Any floating kind goes in, so that tests can differentiate in f64. Letters in shapes: N tokens
//! of a micro-batch, all samples one after another.

use retrial_protocol::{Batch, Normalisation, Objective, Part};
use tch::Tensor;

/// The response tokens of some samples.
pub struct Tokens<'a> {
    /// `log pi_theta(o_t | q)`, `[N]`, nats; the gradient flows through it.
    pub logprobs: &'a Tensor,
    /// Logarithm of the ratio's denominator, `[N]`, nats.
    pub old: &'a Tensor,
    /// Advantage of the token's sample, `[N]`.
    pub advantages: &'a Tensor,
    /// Whether the token's sample belongs to the hinted part, `[N]`, bool.
    pub hinted: &'a Tensor,
}

/// Z and Z'.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenCounts {
    /// Z: what the on-policy sum is divided by.
    pub on_policy: f64,
    /// Z': what the hinted sum is divided by.
    pub hinted: f64,
}

/// The objective over some samples, and what there is to see in it.
pub struct Value {
    /// Their part of J, a scalar.
    pub objective: Tensor,
    /// Ratios, r or rho, `[N]`, without gradient.
    pub ratios: Tensor,
    /// On-policy tokens whose ratio is clipped, `[N]`, bool.
    pub clipped: Tensor,
}

impl TokenCounts {
    /// Counts the response tokens of a batch. A part without tokens contributes nothing, so it may
    /// be divided by anything but 0.
    pub fn of(batch: &Batch, normalisation: Normalisation) -> Self {
        let on_policy = batch.response_tokens(Part::OnPolicy);
        let hinted = batch.response_tokens(Part::Hinted);
        let safe = |tokens: usize| tokens.max(1) as f64;
        match normalisation {
            Normalisation::Common => {
                let all = safe(on_policy + hinted);
                Self { on_policy: all, hinted: all }
            }
            Normalisation::Separate => Self { on_policy: safe(on_policy), hinted: safe(hinted) },
        }
    }
}

impl Value {
    /// The derivative of the objective by `logprobs`, `[N]`.
    pub fn gradient(&self, logprobs: &Tensor) -> Tensor {
        Tensor::run_backward(&[&self.objective], &[logprobs], false, false).remove(0)
    }
}

/// The part of J that belongs to these tokens.
pub fn value(settings: &Objective, tokens: &Tokens<'_>, counts: TokenCounts) -> Value {
    let Tokens { logprobs, old, advantages, hinted } = tokens;
    let limit = settings.log_ratio_limit;
    let ratio = (*logprobs - *old).clamp(-limit, limit).exp();

    let shaped = &ratio / (&ratio + settings.gamma) * *advantages;

    let (low, high) = (1.0 - settings.clip_low, 1.0 + settings.clip_high);
    let clipped_ratio = ratio.clamp(low, high);
    let plain = (&ratio * *advantages).minimum(&(clipped_ratio * *advantages));
    let clipped_surrogate = match settings.dual_clip {
        // min(r A, clip(r) A) is at least c A where A is negative.
        Some(bound) => {
            let bounded = plain.maximum(&(*advantages * bound));
            bounded.where_self(&advantages.lt(0.0), &plain)
        }
        None => plain,
    };

    let kind = ratio.kind();
    let hinted_sum = shaped.where_self(hinted, &shaped.zeros_like()).sum(kind);
    let on_policy = hinted.logical_not();
    let on_policy_sum =
        clipped_surrogate.where_self(&on_policy, &clipped_surrogate.zeros_like()).sum(kind);
    let objective = hinted_sum / counts.hinted + on_policy_sum / counts.on_policy;

    // The clipped side wins the minimum: no gradient.
    let above = advantages.gt(0.0).logical_and(&ratio.gt(high));
    let below = advantages.lt(0.0).logical_and(&ratio.lt(low));
    let clipped = above.logical_or(&below).logical_and(&on_policy);
    Value { objective, ratios: ratio.detach(), clipped }
}
