//! The part of a layer that works on each token by itself: a gated MLP, or a mixture of them.

use retrial_protocol::Target;
use tch::Tensor;

use super::ModelConfig;
use super::config::{Activation, Experts};
use super::experts::Mixture;
use super::linear::{Linear, LowRank};

/// `down(act(gate(x)) up(x))`.
pub struct Gated {
    gate: Linear,
    up: Linear,
    down: Linear,
    activation: Activation,
}

/// What a layer has.
pub enum Mlp {
    /// One MLP for all tokens.
    Dense(Gated),
    /// Several, of which each token goes through a few.
    Mixture(Mixture),
}

impl Gated {
    /// Its matrices, `[I, H]`, `[I, H]` and `[H, I]`.
    pub fn new([gate, up, down]: [Linear; 3], activation: Activation) -> Self {
        Self { gate, up, down, activation }
    }

    /// `[..., H]` to `[..., H]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let gate = self.gate.forward(x);
        let gate = match self.activation {
            Activation::Silu => gate.silu(),
            Activation::GeluTanh => gate.gelu("tanh"),
        };
        self.down.forward(&(gate * self.up.forward(x)))
    }
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

    /// The matrix that an adapter is put on; a mixture has none.
    pub fn adapt(&mut self, target: Target, adapter: LowRank) {
        let Self::Dense(gated) = self else {
            unreachable!("an adapter's layout is checked against the model")
        };
        match target {
            Target::GateProj => gated.gate.adapt(adapter),
            Target::UpProj => gated.up.adapt(adapter),
            Target::DownProj => gated.down.adapt(adapter),
            Target::QProj | Target::KProj | Target::VProj | Target::OProj => {
                unreachable!("those are in attention")
            }
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
