//! The parts of a layer, laid out for sampling.

use std::collections::HashMap;

use retrial_native::cpu::{self, Grid, Matrix, Pool};
use tch::Tensor;

use crate::model::ModelConfig;

/// The tensors of a model by their names.
pub struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    /// Of [`ModelConfig::parameters`], in their order.
    pub fn new(config: &ModelConfig, tensors: Vec<Tensor>) -> Self {
        let names = config.parameters().into_iter().map(|(name, _)| name);
        Self(names.zip(tensors).collect())
    }

    /// The numbers of a tensor.
    pub fn numbers(&self, name: &str) -> Vec<f32> {
        // ModelConfig::parameters lists every tensor that is read here.
        let flat = self.0[name].detach().flatten(0, -1).contiguous();
        let mut numbers = vec![0.0; flat.numel()];
        flat.copy_data(&mut numbers, flat.numel());
        numbers
    }
}

/// `x W^T + b`; several matrices with the same input lie one after another.
pub struct PackedLinear {
    matrix: Matrix,
    bias: Option<Vec<f32>>,
}

impl PackedLinear {
    /// The matrices of these names, which have `inner` numbers a row.
    pub fn new(tensors: &Tensors, names: &[String], inner: usize, bias: bool) -> Self {
        let weights: Vec<_> =
            names.iter().map(|name| tensors.numbers(&format!("{name}.weight"))).collect();
        let columns = weights.iter().map(Vec::len).sum::<usize>() / inner;
        let mut matrix = Matrix::new(columns, inner);
        let mut first = 0;
        for weights in &weights {
            matrix.set(first, weights);
            first += weights.len() / inner;
        }
        let biases = |name: &String| tensors.numbers(&format!("{name}.bias"));
        let bias = bias.then(|| names.iter().flat_map(biases).collect());
        Self { matrix, bias }
    }

    /// A grid for its results.
    pub fn room(&self) -> Grid {
        Grid::new(self.matrix.columns())
    }

    /// Applies it.
    pub fn forward(&self, x: &Grid, out: &mut Grid, pool: &Pool) {
        self.matrix.multiply(x, out, pool);
        if let Some(bias) = &self.bias {
            out.for_each_row(pool, |_, row| cpu::add(row, bias));
        }
    }
}

/// Normalises by the root of the mean square.
pub struct PackedNorm {
    weight: Vec<f32>,
    epsilon: f32,
}

impl PackedNorm {
    /// The norm of this name.
    pub fn new(tensors: &Tensors, name: &str, config: &ModelConfig) -> Self {
        let mut weight = tensors.numbers(&format!("{name}.weight"));
        if config.norms_from_one {
            for weight in &mut weight {
                *weight += 1.0;
            }
        }
        Self { weight, epsilon: config.norm_epsilon as f32 }
    }

    /// Applies it to each row of `x`.
    pub fn forward(&self, x: &Grid, out: &mut Grid, pool: &Pool) {
        out.resize(x.rows());
        out.for_each_row(pool, |row, out| {
            cpu::normalise(x.row(row), &self.weight, self.epsilon, out);
        });
    }

    /// Applies it to parts of a row as long as its weight.
    pub fn in_place(&self, row: &mut [f32]) {
        let mut normed = vec![0.0; self.weight.len()];
        for part in row.chunks_exact_mut(self.weight.len()) {
            cpu::normalise(part, &self.weight, self.epsilon, &mut normed);
            part.copy_from_slice(&normed);
        }
    }
}
