//! Fresh weights.

use std::sync::{Mutex, PoisonError};

use tch::{Kind, Tensor};

use super::ModelConfig;

/// Held from the seed to the last number: libtorch has one generator for all threads.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Weights as transformers makes them: matrices normal with the configuration's standard deviation,
/// norms one, biases zero. The same seed gives the same weights.
pub fn fresh(config: &ModelConfig, seed: i64) -> Vec<Tensor> {
    let _only_here = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
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
