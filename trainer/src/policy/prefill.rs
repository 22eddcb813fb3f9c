//! Which waiting sequences are computed together.
//!
//! With libtorch's products prompts share a batch only if they have the same padded length: in a batch
//! with a longer one a prompt would get more padding, and its result would differ in the last bit. The
//! responses of one request share a row until they differ.

use std::collections::BTreeMap;

use super::sequence::Sequence;
use crate::model::KvCache;

/// Most tokens of a batch, padding included, unless a single row has more.
const BATCH_TOKENS: usize = 8192;

/// Sequences that are computed together.
pub struct Batch {
    /// One entry a row; the sequences of a row have the same tokens.
    pub rows: Vec<Vec<Sequence>>,
}

/// Groups sequences into batches; whether lengths mix is the model's.
pub fn batches(sequences: impl Iterator<Item = Sequence>, mixes: bool) -> Vec<Batch> {
    let mut by_length: BTreeMap<usize, Vec<Vec<Sequence>>> = BTreeMap::new();
    for sequence in sequences {
        let length = if mixes { 1 } else { KvCache::padded(sequence.length()) };
        let rows = by_length.entry(length).or_default();
        match rows.last_mut() {
            Some(row) if shares(&row[0], &sequence) => row.push(sequence),
            _ => rows.push(vec![sequence]),
        }
    }
    let mut batches = Vec::new();
    for (length, rows) in by_length {
        let size = (BATCH_TOKENS / length).max(1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            batches.push(Batch { rows: rows.by_ref().take(size).collect() });
        }
    }
    batches
}

fn shares(first: &Sequence, other: &Sequence) -> bool {
    first.request == other.request && first.is_fresh() && other.is_fresh()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::sampling::Sampling;
    use crate::policy::sequence::Job;

    fn sequence(request: u64, child: usize, length: usize) -> Sequence {
        let job = Job {
            prompt: vec![0; length].into(),
            n: 1,
            seed: 0,
            max_tokens: 1,
            sampling: Sampling::default(),
            top_logprobs: 0,
            prompt_logprobs: None,
            stop: vec![],
            stop_tokens: vec![],
            ignore_end: false,
        };
        Sequence::new(request, child, Arc::new(job))
    }

    /// Requests and number of sequences of each row of each batch.
    fn shape(sequences: Vec<Sequence>) -> Vec<Vec<(u64, usize)>> {
        let batches = batches(sequences.into_iter(), false);
        let row = |row: &Vec<Sequence>| (row[0].request, row.len());
        batches.iter().map(|batch| batch.rows.iter().map(row).collect()).collect()
    }

    #[test]
    fn a_group_is_one_row_and_lengths_do_not_mix() {
        let mut sequences: Vec<Sequence> = (0..3).map(|child| sequence(1, child, 20)).collect();
        sequences.extend([sequence(2, 0, 33), sequence(3, 0, 32), sequence(4, 0, 64)]);
        assert_eq!(shape(sequences), [vec![(1, 3), (3, 1)], vec![(2, 1), (4, 1)]]);
    }

    #[test]
    fn a_batch_has_a_bounded_number_of_tokens() {
        let sequences = (0..5).map(|request| sequence(request, 0, 4000)).collect();
        assert_eq!(shape(sequences), [vec![(0, 1), (1, 1)], vec![(2, 1), (3, 1)], vec![(4, 1)]]);
        assert_eq!(shape(vec![sequence(0, 0, 9000), sequence(1, 0, 9000)]).len(), 2);
    }
}
