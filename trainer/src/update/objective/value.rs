//! The value of the objective over some samples: surrogate, shaping, correction and KL term.

use retrial_protocol::{Loss, Objective};
use tch::Tensor;

use super::tokens::{Surrogate, Tokens};
use super::totals::PartTotals;
use super::{cispo, clipped, dapo, dr_grpo, grpo, gspo, kl, lte};

/// The value of the objective over some samples, with measurements.
pub struct Value {
    /// Their part of J, a scalar.
    pub objective: Tensor,
    /// Ratios of each token, `[N]`, without gradient.
    pub ratios: Tensor,
    /// On-policy tokens whose ratio is clipped, `[N]`, bool.
    pub clipped: Tensor,
}

impl Value {
    /// The derivative of the objective with respect to `logprobs`, `[N]`.
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

/// The part of J of these tokens.
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
