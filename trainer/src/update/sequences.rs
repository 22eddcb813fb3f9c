//! Prompts with their responses: partitioned over ranks, cut into micro-batches, and packed for the model
//! one after another, without padding.

use tch::{Device, Kind, Tensor};

use crate::model::Packing;

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

/// Splits sequences of these lengths into micro-batches of at most `budget` tokens, unless a single
/// one is longer. Sequences of similar length are grouped; the result depends on the lengths only.
pub fn micro_batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| lengths[index]);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for index in order {
        match batches.last_mut() {
            Some(batch) if tokens + lengths[index] <= budget => batch.push(index),
            _ => {
                batches.push(vec![index]);
                tokens = 0;
            }
        }
        tokens += lengths[index];
    }
    batches
}

/// Partitions sequences of these lengths over ranks so that each has about as many tokens: the longest
/// first, each to the rank with the fewest so far. Each rank's partition is in order; the result depends on the
/// lengths only.
pub fn partition(lengths: &[usize], ranks: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut shards = vec![(0, Vec::new()); ranks];
    for index in order {
        let (tokens, shard) =
            shards.iter_mut().min_by_key(|(tokens, _)| *tokens).expect("there is a rank");
        *tokens += lengths[index];
        shard.push(index);
    }
    let sorted = |(_, mut shard): (usize, Vec<usize>)| {
        shard.sort_unstable();
        shard
    };
    shards.into_iter().map(sorted).collect()
}

/// Sequences of T tokens in all, of which N are response tokens.
pub struct Packed {
    /// Token ids, `[T]`, without the last token of each sequence: it predicts nothing.
    pub ids: Tensor,
    /// Each token's position in its sequence, `[T]`.
    pub positions: Tensor,
    /// Which tokens attend to which.
    pub packing: Packing,
    /// Tokens whose state predicts a response token, `[N]`: positions in `ids`.
    pub rows: Tensor,
    /// The response tokens, `[N]`.
    pub targets: Tensor,
}

impl Packed {
    /// Packs at least one sequence, for activations of `kind`.
    pub fn new(sequences: &[Sequence<'_>], kind: Kind, device: Device) -> Self {
        let (mut ids, mut positions, mut lengths) = (vec![], vec![], vec![]);
        let (mut rows, mut targets) = (vec![], vec![]);
        for sequence in sequences {
            let Sequence { prompt, response } = sequence;
            let length = sequence.tokens() - 1;
            let first = ids.len() + prompt.len() - 1;
            rows.extend((first..first + response.len()).map(|row| row as i64));
            targets.extend(response.iter().map(|&id| i64::from(id)));
            ids.extend(prompt.iter().chain(*response).take(length).map(|&id| i64::from(id)));
            positions.extend(0..length as i64);
            lengths.push(length as i64);
        }
        let tensor = |values: &[i64]| Tensor::from_slice(values).to_device(device);
        Self {
            ids: tensor(&ids),
            positions: tensor(&positions),
            packing: Packing::new(&lengths, kind, device),
            rows: tensor(&rows),
            targets: tensor(&targets),
        }
    }
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
                let tokens: usize = batch.iter().map(|&index| lengths[index]).sum();
                prop_assert!(batch.len() == 1 || tokens <= budget);
            }
        }
    }

    proptest! {
        #[test]
        fn every_rank_gets_about_as_many_tokens(
            lengths in prop::collection::vec(1..200usize, 0..60),
            ranks in 1..9usize,
        ) {
            let shards = partition(&lengths, ranks);
            let mut seen: Vec<usize> = shards.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            let tokens = |shard: &Vec<usize>| shard.iter().map(|&index| lengths[index]).sum();
            let loads: Vec<usize> = shards.iter().map(tokens).collect();
            let longest = lengths.iter().copied().max().unwrap_or(0);
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= longest);
        }
    }

    #[test]
    fn sequences_are_packed_without_padding() {
        let sequences = [
            Sequence { prompt: &[1, 2], response: &[3] },
            Sequence { prompt: &[4], response: &[5, 6] },
            Sequence { prompt: &[7, 8], response: &[9, 10] },
        ];
        let packed = Packed::new(&sequences, Kind::Float, Device::Cpu);
        let numbers = |tensor: &Tensor| Vec::<i64>::try_from(tensor).unwrap();
        assert_eq!(numbers(&packed.ids), [1, 2, 4, 5, 7, 8, 9]);
        assert_eq!(numbers(&packed.positions), [0, 1, 0, 1, 0, 1, 2]);
        assert_eq!(numbers(&packed.rows), [1, 2, 3, 5, 6]);
        assert_eq!(numbers(&packed.targets), [3, 5, 6, 9, 10]);
    }
}
