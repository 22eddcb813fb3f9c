//! Log-probabilities and entropies from the last hidden states, and their backward pass, in chunks: the logits of
//! all tokens, `[N, V]`, never exist at once. All chunks share two buffers: fresh ones for each would
//! leave holes of several times their size in the allocator.
//!
//! The backward pass is written by hand, because it is short and needs no more memory than its results:
//!
//! ```text
//! z = h W^T / temperature,  log p = z - log sum exp z,  H = -sum p log p
//! d log p_y / dz = onehot(y) - p,   dH / dz = -p (log p + H)
//! ```
//!
//! Letters in shapes: N tokens, H hidden width, V vocabulary.

use tch::{Device, Kind, Tensor};

/// Most logits of a chunk on the CPU: 16 MiB in f32.
const CPU_CHUNK: i64 = 1 << 22;

/// Most logits of a chunk on other devices, which are faster with larger chunks: 1 GiB.
const DEVICE_CHUNK: i64 = 1 << 28;

/// Turns hidden states into the scores of given tokens.
pub struct Head<'a> {
    /// The output matrix, `[V, H]`.
    pub weight: &'a Tensor,
    /// The sampling temperature.
    pub temperature: f64,
}

/// Scores of N tokens, f32 and without graph.
pub struct Scores {
    /// Log-probabilities of the given tokens, `[N]`, nats.
    pub logprobs: Tensor,
    /// Entropy of the distribution of each token, `[N]`, nats.
    pub entropies: Tensor,
    log_sums: Tensor,
    // Log-softmax `[N, V]`, if it is a single chunk: the backward pass need not recompute it.
    kept: Option<Tensor>,
}

/// All numbers of a tensor.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Double);
    Vec::try_from(flat.flatten(0, -1)).expect("a one-dimensional tensor of f64")
}

/// Buffers for the logits of a chunk and for their exponentials.
struct Buffers {
    logits: Tensor,
    exponentials: Tensor,
}

impl Buffers {
    fn new(rows: i64, vocabulary: i64, device: Device) -> Self {
        let room = || Tensor::empty([rows, vocabulary], (Kind::Float, device));
        Self { logits: room(), exponentials: room() }
    }
}

impl Head<'_> {
    fn chunk_rows(&self) -> i64 {
        let chunk = if self.weight.device() == Device::Cpu { CPU_CHUNK } else { DEVICE_CHUNK };
        (chunk / self.weight.size()[0]).max(1)
    }

    fn buffers(&self, tokens: i64) -> Buffers {
        let rows = self.chunk_rows().min(tokens);
        Buffers::new(rows, self.weight.size()[0], self.weight.device())
    }

    /// `[n, H]` to logits `[n, V]` divided by the temperature, in f32, in `room`.
    fn logits(&self, hidden: &Tensor, weight: &Tensor, room: &Tensor) -> Tensor {
        let mut logits = room.narrow(0, 0, hidden.size()[0]);
        let weight = weight.transpose(0, 1);
        if hidden.kind() == Kind::Float {
            let _ = hidden.matmul_out(&logits, &weight);
        } else {
            logits.copy_(&hidden.matmul(&weight));
        }
        if self.temperature == 1.0 { logits } else { logits.g_div_scalar_(self.temperature) }
    }

    /// Scores of the tokens `targets` `[N]`, which the hidden states `[N, H]` predict.
    pub fn score(&self, hidden: &Tensor, targets: &Tensor) -> Scores {
        tch::no_grad(|| {
            let weight = self.weight.to_kind(hidden.kind());
            let (rows, tokens) = (self.chunk_rows(), hidden.size()[0]);
            let Buffers { logits: room, exponentials } = self.buffers(tokens);
            let (mut logprobs, mut entropies, mut log_sums) = (vec![], vec![], vec![]);
            for (hidden, targets) in hidden.split(rows, 0).iter().zip(targets.split(rows, 0)) {
                let mut logs = self.logits(hidden, &weight, &room);
                let last = [-1].as_slice();
                let most = logs.amax(last, true);
                let _ = logs.g_sub_(&most);
                let mut exps = logs.exp_out(&exponentials.narrow(0, 0, hidden.size()[0]));
                let sums = exps.sum_dim_intlist(last, true, None);
                let log_sum = sums.log();
                let _ = logs.g_sub_(&log_sum);
                let plogp = exps.g_mul_(&logs).sum_dim_intlist(last, true, None) / &sums;
                logprobs.push(logs.gather(1, &targets.unsqueeze(1), false).squeeze_dim(1));
                entropies.push(-plogp.squeeze_dim(1));
                log_sums.push(most + log_sum);
            }
            Scores {
                logprobs: Tensor::cat(&logprobs, 0),
                entropies: Tensor::cat(&entropies, 0),
                log_sums: Tensor::cat(&log_sums, 0),
                kept: (tokens <= rows).then_some(room),
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
            let mut kept = scores.kept.take();
            let Buffers { logits: room, exponentials } = self.buffers(hidden.size()[0]);
            let mut gradients = Vec::with_capacity(targets.len());
            for (chunk, hidden) in hidden.split(rows, 0).iter().enumerate() {
                let mut logs = match kept.take() {
                    Some(logs) => logs,
                    None => self.logits(hidden, &weight, &room).g_sub_(&log_sums[chunk]),
                };
                let mut p = logs.exp_out(&exponentials.narrow(0, 0, hidden.size()[0]));
                let slope = &slopes[chunk];
                let mut of_logits = match &of_entropies {
                    Some(of_entropies) => {
                        let mut pulled =
                            logs.g_add_(&entropies[chunk]).g_mul_(&of_entropies[chunk]);
                        p.g_mul_(&pulled.g_add_(slope))
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
                        let _ = sum.g_add_(&of_weight.matmul(hidden));
                    }
                }
            }
            Tensor::cat(&gradients, 0)
        })
    }
}
