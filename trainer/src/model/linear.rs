//! A matrix of the decoder, and what an adapter adds to it.

use tch::Tensor;

/// `x W^T + b`, and what an adapter adds to it.
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    adapter: Option<LowRank>,
}

/// `scale x A^T B^T`.
pub struct LowRank {
    /// A, `[r, in]`.
    pub a: Tensor,
    /// B, `[out, r]`.
    pub b: Tensor,
    /// The factor.
    pub scale: f64,
}

impl Linear {
    /// A matrix `[out, in]` and its bias `[out]`, without an adapter.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight, bias, adapter: None }
    }

    /// Puts an adapter on it.
    pub fn adapt(&mut self, adapter: LowRank) {
        self.adapter = Some(adapter);
    }

    /// Applies it, in the kind of `x`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let kind = x.kind();
        let y =
            x.linear(&self.weight.to_kind(kind), self.bias.as_ref().map(|bias| bias.to_kind(kind)));
        match &self.adapter {
            None => y,
            Some(LowRank { a, b, scale }) => {
                let low = x.linear::<Tensor>(&a.to_kind(kind), None) * *scale;
                y + low.linear::<Tensor>(&b.to_kind(kind), None)
            }
        }
    }
}
