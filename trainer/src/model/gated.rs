//! A gated MLP.

use retrial_protocol::Target;
use tch::Tensor;

use super::config::Activation;
use super::linear::{Linear, LowRank};

/// `down(act(gate(x)) up(x))`.
pub struct Gated {
    gate: Linear,
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl Gated {
    /// Its matrices, `[I, H]`, `[I, H]` and `[H, I]`.
    pub fn new([gate, up, down]: [Linear; 3], activation: Activation) -> Self {
        Self { gate, up, down, activation }
    }

    /// Adds an adapter to a matrix.
    pub fn adapt(&mut self, target: Target, adapter: LowRank) {
        match target {
            Target::GateProj => self.gate.adapt(adapter),
            Target::UpProj => self.up.adapt(adapter),
            Target::DownProj => self.down.adapt(adapter),
            Target::QProj | Target::KProj | Target::VProj | Target::OProj => {
                unreachable!("those are in attention")
            }
        }
    }

    /// Applies it, `[..., H]` to `[..., H]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let gate = self.gate.forward(x);
        let gate = match self.activation {
            Activation::Silu => gate.silu(),
            Activation::GeluTanh => gate.gelu("tanh"),
        };
        self.down.forward(&(gate * self.up.forward(x)))
    }
}
