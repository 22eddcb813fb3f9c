//! The coefficient of the entropy bonus.

use retrial_protocol::{Batch, Entropy, Part};

/// The coefficient for this batch, and that of an adaptive bonus for the next batch. `last`
/// is the adaptive coefficient after the batch before.
///
/// Minus the mean log-probability of the tokens that were sampled on their own prompt is an unbiased
/// estimate of the policy's entropy, and costs nothing.
pub fn coefficient(entropy: &Entropy, batch: &Batch, last: Option<f64>) -> (f64, Option<f64>) {
    match *entropy {
        Entropy::Off => (0.0, None),
        Entropy::Constant { coefficient } => (coefficient, None),
        Entropy::Adaptive { target, delta, min, max } => {
            let on_policy = batch.samples.iter().filter(|sample| sample.part == Part::OnPolicy);
            let (count, sum) = on_policy
                .flat_map(|sample| &sample.sampler_logprobs)
                .fold((0_u64, 0.0), |(count, sum), &x| (count + 1, sum - f64::from(x)));
            if count == 0 {
                return (0.0, None);
            }
            let coefficient = last.unwrap_or(min).clamp(min, max);
            let under = sum / count as f64 <= target;
            let step = if under { delta } else { -delta };
            let next = (coefficient + step).clamp(min, max);
            (if under { coefficient } else { 0.0 }, Some(next))
        }
    }
}
