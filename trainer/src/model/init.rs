//! Fresh weights.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::ModelConfig;

/// Held from the seed to the last number: libtorch has one generator for all threads.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Weights as transformers makes them: matrices normal with the configuration's standard deviation,
/// norms one, biases zero. The same seed gives the same weights
/// on the same kind of device. Drawn in f32, kept as `kind`.
pub fn fresh(config: &ModelConfig, seed: i64, (kind, device): (Kind, Device)) -> Vec<Tensor> {
    let of_parameter = |(name, shape): &(String, Vec<i64>)| {
        let options = (Kind::Float, device);
        let drawn = if name.rsplit('.').next() == Some("bias") {
            Tensor::zeros(shape.as_slice(), options)
        } else if shape.len() == 1 {
            let weight = Tensor::ones(shape.as_slice(), options);
            if config.norms_from_one { weight - 1.0 } else { weight }
        } else {
            Tensor::randn(shape.as_slice(), options) * config.initializer_range
        };
        drawn.to_kind(kind)
    };
    seeded(seed, || config.parameters().iter().map(of_parameter).collect())
}

/// What `draw` makes of libtorch's random numbers after this seed.
pub fn seeded<T>(seed: i64, draw: impl FnOnce() -> T) -> T {
    let _only_here = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed);
    draw()
}
