//! Log-probabilities and entropies from the last hidden states, and back, in chunks: the logits of
//! all tokens, `[N, V]`, never exist at once. The way back takes a bounded number of them from the
//! way there and computes the others again.
//!
//! The backward pass is written out, since it is short and needs no more than what it makes:
//!
//! ```text
//! z = h W^T / temperature,  log p = z - log sum exp z,  H = -sum p log p
//! d log p_y / dz = onehot(y) - p,   dH / dz = -p (log p + H)
//! ```
//!
//! Letters in shapes: N tokens, H hidden width, V vocabulary.

use tch::{Device, Kind, Tensor};

/// Most logits of a chunk on the CPU: 16 MiB in f32, which the allocator reuses instead of asking
/// the system for new pages.
const CPU_CHUNK: i64 = 1 << 22;

/// Most logits of a chunk on other devices, which are the faster the larger it is: 64 MiB.
const DEVICE_CHUNK: i64 = 1 << 24;

/// Most logits that are kept for the way back: 256 MiB.
const KEPT: i64 = 1 << 26;

/// Turns hidden states into the scores of given tokens.
pub struct Head<'a> {
    /// The output matrix, `[V, H]`.
    pub weight: &'a Tensor,
    /// The logits are divided by it.
    pub temperature: f64,
}

/// Scores of N tokens, f32 and without graph.
pub struct Scores {
    /// Log-probabilities of the tokens that are there, `[N]`, nats.
    pub logprobs: Tensor,
    /// Entropy of the distribution that each was drawn from, `[N]`, nats.
    pub entropies: Tensor,
    log_sums: Tensor,
    // Log-softmax of the first chunks, `[n, V]` each: backward need not compute them again.
    kept: Vec<Tensor>,
}

/// What becomes of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They are looked at.
    There,
    /// Gradients follow: [`Head::backward`].
    ThereAndBack,
}

impl Head<'_> {
    fn chunk_rows(&self) -> i64 {
        let chunk = if self.weight.device() == Device::Cpu { CPU_CHUNK } else { DEVICE_CHUNK };
        (chunk / self.weight.size()[0]).max(1)
    }

    /// `[n, H]` to logits `[n, V]` over the temperature, f32.
    fn logits(&self, hidden: &Tensor, weight: &Tensor) -> Tensor {
        let logits = hidden.linear::<Tensor>(weight, None).to_kind(Kind::Float);
        if self.temperature == 1.0 { logits } else { logits / self.temperature }
    }

    /// Scores of the tokens `targets` `[N]`, which the hidden states `[N, H]` predict.
    pub fn score(&self, hidden: &Tensor, targets: &Tensor, way: Way) -> Scores {
        tch::no_grad(|| {
            let weight = self.weight.to_kind(hidden.kind());
            let rows = self.chunk_rows();
            let to_keep = match way {
                Way::There => 0,
                Way::ThereAndBack => (KEPT / (rows * self.weight.size()[0])) as usize,
            };
            let (mut logprobs, mut entropies, mut log_sums) = (vec![], vec![], vec![]);
            let mut kept = vec![];
            for (hidden, targets) in hidden.split(rows, 0).iter().zip(targets.split(rows, 0)) {
                let mut logits = self.logits(hidden, &weight);
                let sums = logits.logsumexp([-1].as_slice(), true);
                let logs = logits.g_sub_(&sums);
                let plogp = (logs.exp() * &logs).sum_dim_intlist([-1].as_slice(), false, None);
                logprobs.push(logs.gather(1, &targets.unsqueeze(1), false).squeeze_dim(1));
                entropies.push(-plogp);
                log_sums.push(sums);
                if kept.len() < to_keep {
                    kept.push(logs);
                }
            }
            Scores {
                logprobs: Tensor::cat(&logprobs, 0),
                entropies: Tensor::cat(&entropies, 0),
                log_sums: Tensor::cat(&log_sums, 0),
                kept,
            }
        })
    }

    /// The gradient `[N, H]` of the hidden states, given those of log-probabilities and entropies,
    /// `[N]` each. That of the output matrix is added to `weight_gradient`.
    pub fn backward(
        &self,
        hidden: &Tensor,
        targets: &Tensor,
        scores: &mut Scores,
        of_logprobs: &Tensor,
        of_entropies: Option<&Tensor>,
        mut weight_gradient: Option<&mut Tensor>,
    ) -> Tensor {
        tch::no_grad(|| {
            let weight = self.weight.to_kind(hidden.kind());
            let rows = self.chunk_rows();
            let column = |values: &Tensor| values.unsqueeze(1).split(rows, 0);
            let (targets, slopes) = (column(targets), column(of_logprobs));
            let (entropies, log_sums) = (column(&scores.entropies), scores.log_sums.split(rows, 0));
            let of_entropies = of_entropies.map(column);
            let mut kept = std::mem::take(&mut scores.kept).into_iter();
            let mut gradients = Vec::with_capacity(targets.len());
            for (chunk, hidden) in hidden.split(rows, 0).iter().enumerate() {
                let mut logs = match kept.next() {
                    Some(logs) => logs,
                    None => self.logits(hidden, &weight).g_sub_(&log_sums[chunk]),
                };
                let mut p = logs.exp();
                let slope = &slopes[chunk];
                let mut of_logits = match &of_entropies {
                    Some(of_entropies) => {
                        let pulled = logs.g_add_(&entropies[chunk]).g_mul_(&of_entropies[chunk]);
                        p.g_mul_(&(pulled + slope))
                    }
                    None => p.g_mul_(slope),
                }
                .neg_();
                let _ = of_logits.scatter_add_(1, &targets[chunk], slope);
                if self.temperature != 1.0 {
                    let _ = of_logits.g_div_scalar_(self.temperature);
                }
                let of_logits = of_logits.to_kind(hidden.kind());
                gradients.push(of_logits.matmul(&weight));
                if let Some(sum) = weight_gradient.as_mut() {
                    let of_weight = of_logits.transpose(0, 1);
                    if hidden.kind() == Kind::Float {
                        let _ = sum.addmm_(&of_weight, hidden);
                    } else {
                        let _ = sum.g_add_(&of_weight.matmul(hidden).to_kind(Kind::Float));
                    }
                }
            }
            Tensor::cat(&gradients, 0)
        })
    }
}
