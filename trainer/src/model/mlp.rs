//! The part of a layer that works on each token by itself: a gated MLP, or a mixture of them.

use retrial_protocol::Target;
use tch::Tensor;

use super::ModelConfig;
use super::config::Experts;
use super::experts::Mixture;
use super::gated::Gated;
use super::linear::{Linear, LowRank};

/// What a layer has.
pub enum Mlp {
    /// One MLP for all tokens.
    Dense(Gated),
    /// Several, of which each token goes through a few.
    Mixture(Mixture),
}

impl Mlp {
    /// Takes the matrices of a layer by their names inside it.
    pub fn new(config: &ModelConfig, mut linear: impl FnMut(&str, bool) -> Linear) -> Self {
        let mut gated = |of: &str, bias: bool| {
            let matrices = ["gate_proj", "up_proj", "down_proj"];
            Gated::new(
                matrices.map(|name| linear(&format!("{of}.{name}"), bias)),
                config.activation,
            )
        };
        match config.experts {
            None => Self::Dense(gated("mlp", config.biases.mlp)),
            Some(experts) => {
                let Experts { count, .. } = experts;
                let all = (0..count).map(|e| gated(&format!("mlp.experts.{e}"), false)).collect();
                Self::Mixture(Mixture::new(linear("mlp.gate", false), all, experts))
            }
        }
    }

    /// Puts an adapter on a matrix; a mixture takes none.
    pub fn adapt(&mut self, target: Target, adapter: LowRank) {
        match self {
            Self::Dense(gated) => gated.adapt(target, adapter),
            Self::Mixture(_) => unreachable!("an adapter's layout is checked against the model"),
        }
    }

    /// `[..., H]` to `[..., H]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Dense(gated) => gated.forward(x),
            Self::Mixture(mixture) => mixture.forward(x),
        }
    }
}
