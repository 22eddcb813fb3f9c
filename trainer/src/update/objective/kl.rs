//! Estimators of the divergence from the policy to the reference.

use retrial_protocol::KlEstimator;
use tch::Tensor;

/// The estimate of each token, given `log pi_theta - log pi_reference`, `[N]`.
pub fn estimate(estimator: KlEstimator, distance: &Tensor) -> Tensor {
    match estimator {
        KlEstimator::K1 => distance.shallow_clone(),
        KlEstimator::K2 => distance.square() * 0.5,
        KlEstimator::K3 => distance.neg().exp() - 1.0 + distance,
    }
}
