//! Fresh weights.

use tch::{Kind, Tensor};

use super::ModelConfig;

/// Weights as transformers makes them: matrices normal with the configuration's standard deviation,
/// norms one, biases zero. The same seed gives the same weights.
pub fn fresh(config: &ModelConfig, seed: i64) -> Vec<Tensor> {
    tch::manual_seed(seed);
    config
        .parameters()
        .iter()
        .map(|(name, shape)| {
            let options = (Kind::Float, tch::Device::Cpu);
            if name.rsplit('.').next() == Some("bias") {
                Tensor::zeros(shape.as_slice(), options)
            } else if shape.len() == 1 {
                Tensor::ones(shape.as_slice(), options)
            } else {
                Tensor::randn(shape.as_slice(), options) * config.initializer_range
            }
        })
        .collect()
}
