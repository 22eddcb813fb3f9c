//! Prompts with their responses, through the model: what the update, the cold start and the
//! scoring of probes have in common.

use tch::{Kind, Tensor};

use crate::model::Qwen3;

/// A prompt and the response that follows it, token ids.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// The prompt; not empty.
    pub prompt: &'a [u32],
    /// The response; not empty.
    pub response: &'a [u32],
}

impl Sequence<'_> {
    /// Prompt and response together.
    pub fn tokens(&self) -> usize {
        self.prompt.len() + self.response.len()
    }
}

/// Splits sequences of these lengths into micro-batches of at most `budget` tokens, padding
/// included, unless a single one is longer. Sequences of like length come together; the result
/// depends on the lengths only.
pub fn micro_batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| lengths[index]);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match batches.last_mut() {
            // The new one is the longest: all are padded to it.
            Some(batch) if (batch.len() + 1) * lengths[index] <= budget => batch.push(index),
            _ => batches.push(vec![index]),
        }
    }
    batches
}

/// What the model says of the response tokens of some sequences, in their order: N tokens in all.
pub struct Scored {
    /// Log-softmax of the logits over the temperature, `[N, V]`.
    log_softmax: Tensor,
    /// Log-probabilities of the tokens that are there, `[N]`, nats.
    pub logprobs: Tensor,
}

impl Scored {
    /// Entropy of the policy at each token, `[N]`, nats.
    pub fn entropies(&self) -> Tensor {
        let products = self.log_softmax.exp() * &self.log_softmax;
        -products.sum_dim_intlist([-1].as_slice(), false, Kind::Float)
    }
}

/// Scores the response tokens of `sequences` at a sampling temperature.
pub fn score(model: &Qwen3, sequences: &[Sequence<'_>], temperature: f64) -> Scored {
    let device = model.device();
    let width = sequences.iter().map(Sequence::tokens).max().unwrap_or(0);
    let mut ids = Vec::with_capacity(sequences.len() * width);
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for sequence in sequences {
        let start = ids.len();
        ids.extend(sequence.prompt.iter().chain(sequence.response).map(|&id| i64::from(id)));
        ids.resize(start + width, 0);
        // The state at one position gives the next token.
        let first = start + sequence.prompt.len() - 1;
        rows.extend((first..first + sequence.response.len()).map(|row| row as i64));
        targets.extend(sequence.response.iter().map(|&id| i64::from(id)));
    }
    let to_device = |values: &[i64]| Tensor::from_slice(values).to_device(device);
    let ids = to_device(&ids).view([sequences.len() as i64, width as i64]);
    let hidden = model.hidden(&ids).flatten(0, 1).index_select(0, &to_device(&rows));
    let logits = model.logits(&hidden);
    let scaled = if temperature == 1.0 { logits } else { logits / temperature };
    let log_softmax = scaled.log_softmax(-1, Kind::Float);
    let logprobs = log_softmax.gather(1, &to_device(&targets).unsqueeze(1), false).squeeze_dim(1);
    Scored { log_softmax, logprobs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn micro_batches_hold_each_sequence_once_within_the_budget(
            lengths in prop::collection::vec(1..200usize, 0..60),
            budget in 1..1000usize,
        ) {
            let batches = micro_batches(&lengths, budget);
            let mut seen: Vec<usize> = batches.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for batch in batches {
                let longest = batch.iter().map(|&index| lengths[index]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
        }
    }
}
