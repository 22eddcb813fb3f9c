//! Rotary positions.

use std::f64::consts::TAU;

use tch::{Device, Kind, Tensor};

use super::config::{Llama3Scaling, ModelConfig};

/// cos and sin of each position's angles, `[positions, D]` each, the two halves alike.
pub struct Rotary {
    cos: Tensor,
    sin: Tensor,
}

/// The rows of [`Rotary`] that some tokens need, `[..., T, 1, D]`: the same for all heads.
pub struct Angles {
    cos: Tensor,
    sin: Tensor,
}

impl Rotary {
    /// Angles of `positions` positions.
    pub fn new(config: &ModelConfig, positions: usize, device: Device) -> Self {
        let options = (Kind::Float, device);
        let exponents =
            Tensor::arange_start_step(0, config.head_width, 2, options) / config.head_width as f64;
        let theta = Tensor::from(config.rope.theta as f32).to_device(device);
        let mut frequencies = theta.pow(&exponents).reciprocal();
        if let Some(scaling) = config.rope.scaling {
            frequencies = llama3(scaling, &frequencies);
        }
        let angles = Tensor::arange(positions as i64, options).outer(&frequencies);
        let angles = Tensor::cat(&[&angles, &angles], 1);
        Self { cos: angles.cos(), sin: angles.sin() }
    }

    /// The angles of tokens at `positions` `[..., T]`, for activations of `kind`.
    pub fn at(&self, positions: &Tensor, kind: Kind) -> Angles {
        let rows = |table: &Tensor| {
            Tensor::embedding(table, positions, -1, false, false).unsqueeze(-2).to_kind(kind)
        };
        Angles { cos: rows(&self.cos), sin: rows(&self.sin) }
    }
}

impl Angles {
    /// Rotates heads `[..., T, heads, D]` by their positions: `x cos + rotate_half(x) sin`.
    pub fn rotate(&self, x: &Tensor) -> Tensor {
        let [first, second]: [Tensor; 2] =
            x.chunk(2, -1).try_into().expect("the width of a head is even");
        x * &self.cos + Tensor::cat(&[-second, first], -1) * &self.sin
    }
}

/// Frequencies as Llama 3 scales them. f32, as transformers computes them.
fn llama3(scaling: Llama3Scaling, frequencies: &Tensor) -> Tensor {
    let Llama3Scaling { factor, low_freq_factor: low, high_freq_factor: high, .. } = scaling;
    let original = scaling.original_max_position_embeddings;
    let wavelengths = frequencies.reciprocal() * TAU;
    let scaled = frequencies / factor;
    let smooth = (wavelengths.reciprocal() * original - low) / (high - low);
    let between = (1.0 - &smooth) * &scaled + &smooth * frequencies;
    let long = wavelengths.gt(original / low);
    let short = wavelengths.lt(original / high);
    scaled.where_self(&long, &frequencies.where_self(&short, &between))
}
