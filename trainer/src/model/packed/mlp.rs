//! The part of a layer that works on each token by itself, laid out for sampling.

use retrial_native::cpu::{self, Gate, Grid, Pool};

use super::weights::{PackedLinear, Tensors};
use crate::model::ModelConfig;
use crate::model::config::{Activation, Experts};

/// What a layer has.
pub enum PackedMlp {
    /// One MLP for all tokens.
    Dense(PackedGated),
    /// Several, of which each token goes through a few.
    Mixture { router: PackedLinear, experts: Vec<PackedGated>, form: Experts },
}

/// `down(act(gate(x)) up(x))`.
pub struct PackedGated {
    gate_and_up: PackedLinear,
    down: PackedLinear,
    width: usize,
    gate: Gate,
}

impl PackedMlp {
    /// The MLP of the layer whose names begin with `layer`.
    pub fn new(tensors: &Tensors, layer: &str, config: &ModelConfig) -> Self {
        match config.experts {
            None => {
                let (width, bias) = (config.intermediate as usize, config.biases.mlp);
                let of = format!("{layer}.mlp");
                Self::Dense(PackedGated::new(tensors, &of, config, width, bias))
            }
            Some(form) => {
                let router = [format!("{layer}.mlp.gate")];
                let router = PackedLinear::new(tensors, &router, config.hidden as usize, false);
                let expert = |e| {
                    let of = format!("{layer}.mlp.experts.{e}");
                    PackedGated::new(tensors, &of, config, form.intermediate as usize, false)
                };
                Self::Mixture { router, experts: (0..form.count).map(expert).collect(), form }
            }
        }
    }

    /// Applies it.
    pub fn forward(&self, x: &Grid, out: &mut Grid, pool: &Pool) {
        match self {
            Self::Dense(gated) => gated.forward(x, out, pool),
            Self::Mixture { router, experts, form } => {
                let mut scores = router.room();
                router.forward(x, &mut scores, pool);
                let chosen: Vec<_> =
                    (0..x.rows()).map(|row| choose(scores.row(row), *form)).collect();
                out.resize(x.rows());
                out.numbers_mut().fill(0.0);
                let (mut of_expert, mut made) = (Grid::new(x.width()), Grid::new(out.width()));
                for (index, expert) in experts.iter().enumerate() {
                    let weight = |row: usize| {
                        let chosen = chosen[row].iter().find(|(expert, _)| *expert == index)?;
                        Some((row, chosen.1))
                    };
                    let rows: Vec<(usize, f32)> = (0..x.rows()).filter_map(weight).collect();
                    if rows.is_empty() {
                        continue;
                    }
                    of_expert.resize(rows.len());
                    for (at, &(row, _)) in rows.iter().enumerate() {
                        of_expert.row_mut(at).copy_from_slice(x.row(row));
                    }
                    expert.forward(&of_expert, &mut made, pool);
                    for (at, &(row, weight)) in rows.iter().enumerate() {
                        cpu::scale(made.row_mut(at), weight);
                        cpu::add(out.row_mut(row), made.row(at));
                    }
                }
            }
        }
    }
}

/// The experts of a token and their weights.
fn choose(scores: &[f32], form: Experts) -> Vec<(usize, f32)> {
    let peak = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = scores.iter().map(|score| (score - peak).exp()).collect();
    let total: f32 = weights.iter().sum();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order.truncate(form.chosen as usize);
    let of_chosen: f32 = order.iter().map(|&expert| weights[expert]).sum();
    let total = if form.normalised { of_chosen } else { total };
    order.into_iter().map(|expert| (expert, weights[expert] / total)).collect()
}

impl PackedGated {
    fn new(tensors: &Tensors, of: &str, config: &ModelConfig, width: usize, bias: bool) -> Self {
        let both = ["gate_proj", "up_proj"].map(|name| format!("{of}.{name}"));
        let down = [format!("{of}.down_proj")];
        let gate = match config.activation {
            Activation::Silu => Gate::Silu,
            Activation::GeluTanh => Gate::GeluTanh,
        };
        Self {
            gate_and_up: PackedLinear::new(tensors, &both, config.hidden as usize, bias),
            down: PackedLinear::new(tensors, &down, width, bias),
            width,
            gate,
        }
    }

    fn forward(&self, x: &Grid, out: &mut Grid, pool: &Pool) {
        let mut inside = self.gate_and_up.room();
        self.gate_and_up.forward(x, &mut inside, pool);
        inside.for_each_row(pool, |_, row| {
            let (gate, up) = row.split_at_mut(self.width);
            cpu::gate(self.gate, gate, up);
        });
        self.down.forward(&inside, out, pool);
    }
}
