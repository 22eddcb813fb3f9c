//! The mixed-policy objective (arXiv 2510.26109, section 3) and its variants, as a function of
//! tensors.
//!
//! ```text
//! J = sum over hinted tokens     w f(rho) A
//!   + sum over on-policy tokens  w c S(r, A)
//!   - beta  sum over all tokens  w kl
//!
//! r   = pi_theta(o_t | q) / pi_old(o_t | q)
//! rho = pi_theta(o_t | q) / pi_old(o_t | hint, q)        (other denominators: Denominator)
//! f(x) = x / (x + gamma)
//! ```
//!
//! The surrogate S and the weights w are what one objective differs from another by: a file each.
//! c is 1, or corrects for a sampler that disagrees ([`correction`]).
//!
//! Streams of one number a token come in, and any floating kind does, so that tests can
//! differentiate in f64. Letters in shapes: N tokens of a micro-batch, all samples one after
//! another; S samples.

pub mod cispo;
pub mod clipped;
pub mod correction;
pub mod dapo;
pub mod dr_grpo;
pub mod grpo;
pub mod gspo;
pub mod kl;
pub mod lte;
pub mod totals;

use retrial_protocol::{Loss, Objective};
use tch::Tensor;

pub use correction::Corrected;
pub use totals::{PartTotals, Totals};

/// The response tokens of some samples.
pub struct Tokens<'a> {
    /// `log pi_theta(o_t | q)`, `[N]`, nats; the gradient flows through it.
    pub logprobs: &'a Tensor,
    /// Logarithm of the ratio's denominator, `[N]`, nats.
    pub old: &'a Tensor,
    /// `log pi_reference(o_t | q)`, `[N]`, nats, if there is a KL term.
    pub reference: Option<&'a Tensor>,
    /// c, `[N]`, without gradient, if there is a correction.
    pub correction: Option<&'a Tensor>,
    /// Advantage of the token's sample, `[N]`.
    pub advantages: &'a Tensor,
    /// w, `[N]`.
    pub weights: &'a Tensor,
    /// Whether the token's sample belongs to the hinted part, `[N]`, bool.
    pub hinted: &'a Tensor,
    /// The token's sample, `[N]`, 0 to S - 1.
    pub samples: &'a Tensor,
    /// Tokens of each sample, `[S]`.
    pub lengths: &'a Tensor,
}

/// A surrogate.
pub struct Surrogate {
    /// S(r, A) of each token, `[N]`.
    pub values: Tensor,
    /// Where clipping leaves no gradient, or bounds it, `[N]`, bool.
    pub clipped: Tensor,
}

/// The objective over some samples, and what there is to see in it.
pub struct Value {
    /// Their part of J, a scalar.
    pub objective: Tensor,
    /// Ratios of each token, `[N]`, without gradient.
    pub ratios: Tensor,
    /// On-policy tokens whose ratio is clipped, `[N]`, bool.
    pub clipped: Tensor,
}

impl Value {
    /// The derivative of the objective by `logprobs`, `[N]`.
    pub fn gradient(&self, logprobs: &Tensor) -> Tensor {
        Tensor::run_backward(&[&self.objective], &[logprobs], false, false).remove(0)
    }
}

/// w of the tokens of a response of `length` tokens, by the totals of its part.
pub fn weight(settings: &Objective, totals: PartTotals, length: usize) -> f64 {
    match settings.loss {
        Loss::Lte => lte::weight(totals),
        Loss::Dapo => dapo::weight(totals),
        Loss::Cispo => cispo::weight(totals),
        Loss::Grpo => grpo::weight(totals, length),
        Loss::Gspo => gspo::weight(totals, length),
        Loss::DrGrpo => dr_grpo::weight(settings, totals),
    }
}

/// The part of J that belongs to these tokens.
pub fn value(settings: &Objective, tokens: &Tokens<'_>) -> Value {
    let limit = settings.log_ratio_limit;
    let log_ratios = (tokens.logprobs - tokens.old).clamp(-limit, limit);
    let ratios = log_ratios.exp();

    let Surrogate { values, clipped } = match settings.loss {
        Loss::Lte | Loss::Dapo | Loss::Grpo | Loss::DrGrpo => {
            clipped::surrogate(settings, &ratios, tokens.advantages)
        }
        Loss::Gspo => gspo::surrogate(settings, &log_ratios, tokens),
        Loss::Cispo => cispo::surrogate(settings, &ratios, tokens),
    };
    let values = tokens.correction.map_or(values.shallow_clone(), |c| values * c);
    let shaped = &ratios / (&ratios + settings.gamma) * tokens.advantages;
    let surrogates = shaped.where_self(tokens.hinted, &values);
    let of_tokens = match (settings.kl, tokens.reference) {
        (Some(settings), Some(reference)) => {
            let distance = (tokens.logprobs - reference).clamp(-limit, limit);
            surrogates - kl::estimate(settings.estimator, &distance) * settings.coefficient
        }
        _ => surrogates,
    };
    let objective = (of_tokens * tokens.weights).sum(ratios.kind());
    let clipped = clipped.logical_and(&tokens.hinted.logical_not());
    Value { objective, ratios: ratios.detach(), clipped }
}
