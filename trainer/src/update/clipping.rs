//! Gradient clipping by the global norm.

use tch::Tensor;

/// Scales gradients down to a global norm of at most `limit`; returns the norm before.
pub fn clip(gradients: &[Tensor], limit: f64) -> f64 {
    let norm = norm(gradients);
    scale_down(gradients, norm, limit);
    norm
}

/// The global norm.
pub fn norm(gradients: &[Tensor]) -> f64 {
    let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
    Tensor::stack(&norms, 0).norm().double_value(&[])
}

/// Scales gradients whose global norm is `norm` down to `limit`.
pub fn scale_down(gradients: &[Tensor], norm: f64, limit: f64) {
    if norm.is_finite() && norm > limit {
        for gradient in gradients {
            let _ = gradient.shallow_clone().g_mul_scalar_(limit / (norm + 1e-6));
        }
    }
}
