//! The norm of the decoder.

use tch::{Kind, Tensor};

use super::ModelConfig;

/// Normalises by the root of the mean square.
pub struct Norm {
    weight: Tensor,
    epsilon: f64,
    from_one: bool,
}

impl Norm {
    /// A norm of the model with this weight.
    pub fn new(weight: Tensor, config: &ModelConfig) -> Self {
        Self { weight, epsilon: config.norm_epsilon, from_one: config.norms_from_one }
    }

    /// Applies it over the last dimension, in the kind of `x`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (width, kind) = (self.weight.size(), x.kind());
        if self.from_one {
            // In f32 to the end: a weight near one would lose its digits.
            let weight = self.weight.to_kind(Kind::Float) + 1.0;
            let x = x.to_kind(Kind::Float).rms_norm(width, Some(weight), self.epsilon);
            return x.to_kind(kind);
        }
        x.rms_norm(width, Some(self.weight.to_kind(kind)), self.epsilon)
    }
}
