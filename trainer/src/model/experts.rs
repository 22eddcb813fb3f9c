//! A mixture of experts: a router sends each token through a few of many small MLPs.
//!
//! Letters in shapes: T tokens, E experts, K chosen ones, N tokens of one expert, H hidden width.

use tch::{Kind, Tensor};

use super::cache::MIN_ROWS;
use super::config::Experts;
use super::gated::Gated;
use super::linear::Linear;

/// The router and its experts.
pub struct Mixture {
    router: Linear,
    experts: Vec<Gated>,
    chosen: i64,
    normalised: bool,
}

impl Mixture {
    /// A router `[E, H]` and its experts.
    pub fn new(router: Linear, experts: Vec<Gated>, form: Experts) -> Self {
        Self { router, experts, chosen: form.chosen, normalised: form.normalised }
    }

    /// `[..., H]` to `[..., H]`: the weighted sum of the chosen experts' outputs for each token, with the
    /// router's weights.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let width = x.size().last().copied().unwrap_or_default();
        let tokens = x.reshape([-1, width]);
        let (weights, chosen) = self.route(&tokens);
        // With gradients all experts take part, so that each has a gradient.
        let learning = weights.requires_grad();
        let (chosen_slots, chosen_weights) = (chosen.flatten(0, -1), weights.flatten(0, -1));
        let mut sum = tokens.zeros_like();
        for (index, expert) in (0..).zip(&self.experts) {
            // Slot t K + k is the k-th choice of token t, [N].
            let slots = chosen_slots.eq(index).nonzero().squeeze_dim(1);
            let count = slots.size()[0];
            if count == 0 && !learning {
                continue;
            }
            let of = slots.divide_scalar_mode(self.chosen, "floor");
            // Enough rows to make a token's result independent of how many other tokens come here.
            let rows = tokens.index_select(0, &of);
            let missing = (count as usize).max(1).next_multiple_of(MIN_ROWS) as i64 - count;
            let rows = rows.constant_pad_nd([0, 0, 0, missing]);
            let made = expert.forward(&rows).narrow(0, 0, count);
            let weighed = made * chosen_weights.index_select(0, &slots).unsqueeze(1);
            sum = sum.index_add(0, &of, &weighed);
        }
        sum.view_as(x)
    }

    /// Weights and indices of the chosen experts, `[T, K]` each.
    fn route(&self, tokens: &Tensor) -> (Tensor, Tensor) {
        let logits = self.router.forward(tokens);
        let (weights, chosen) = logits.softmax(-1, Kind::Float).topk(self.chosen, -1, true, true);
        let weights = if self.normalised {
            &weights / weights.sum_dim_intlist([-1].as_slice(), true, None)
        } else {
            weights
        };
        (weights.to_kind(tokens.kind()), chosen)
    }
}
