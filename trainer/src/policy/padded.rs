//! A model that libtorch computes, in padded batches, and the cache of its sequences.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::ranking;
use super::sampling::Score;
use crate::model::{Decoder, KvCache, ModelError};

/// Positions of a prompt whose logits are computed together when it is scored. Enough that their
/// number does not change the results, few enough for a large vocabulary.
const SCORED_TOGETHER: usize = 256;

/// The model, the cache, and the logits of the last step.
pub struct Padded {
    model: Decoder,
    kind: Kind,
    cache: KvCache,
    sequences: usize,
    context: usize,
    logits: Vec<f32>,
}

/// Prompts that were computed.
pub struct PaddedPrompts {
    // [B, T, H]
    hidden: Tensor,
    kept: Vec<(Tensor, Tensor)>,
    // Of each prompt's last token, [B, V].
    logits: Vec<f32>,
    vocabulary: usize,
}

impl PaddedPrompts {
    /// Logits of the token after prompt `row`.
    pub fn logits(&self, row: usize) -> &[f32] {
        &self.logits[row * self.vocabulary..][..self.vocabulary]
    }
}

impl Padded {
    /// Room for `sequences` sequences of at most `context` tokens.
    pub fn new(model: Decoder, kind: Kind, sequences: usize, context: usize) -> Self {
        let cache = KvCache::new(model.config(), sequences, context, (kind, model.device()));
        Self { model, kind, cache, sequences, context, logits: Vec::new() }
    }

    /// Computes prompts, all of the same padded length.
    pub fn prefill(&self, prompts: &[Vec<u32>]) -> PaddedPrompts {
        let rows = prompts.len();
        let length = prompts.iter().map(Vec::len).max().map_or(0, KvCache::padded);
        let mut ids = vec![0_i64; rows * length];
        let mut last = Vec::with_capacity(rows);
        for (row, prompt) in prompts.iter().enumerate() {
            let start = row * length;
            last.push((start + prompt.len() - 1) as i64);
            for (id, &token) in ids[start..].iter_mut().zip(prompt) {
                *id = i64::from(token);
            }
        }
        let device = self.model.device();
        let ids = Tensor::from_slice(&ids).view([rows as i64, length as i64]).to_device(device);
        let (hidden, kept) = self.model.prefill(&ids);
        let last = Tensor::from_slice(&last).to_device(device);
        let ends = hidden.flatten(0, 1).index_select(0, &last);
        let mut logits = Vec::new();
        read(&self.model.logits(&ends), &mut logits);
        PaddedPrompts { hidden, kept, logits, vocabulary: self.vocabulary() }
    }

    /// The log-probability of each token of a prompt after the first; the prompt starts at row
    /// `row` of the computed batch.
    pub fn score(
        &self,
        computed: &PaddedPrompts,
        row: usize,
        prompt: &[u32],
        top: usize,
    ) -> Vec<Score> {
        let hidden = computed.hidden.get(row as i64);
        let mut scores = Vec::with_capacity(prompt.len());
        let mut logits = Vec::new();
        for (block, tokens) in prompt[1..].chunks(SCORED_TOGETHER).enumerate() {
            let start = block * SCORED_TOGETHER;
            // To the end of the padding, so that there are always enough rows.
            let rows = KvCache::padded(tokens.len()) as i64;
            read(&self.model.logits(&hidden.narrow(0, start as i64, rows)), &mut logits);
            let rows = logits.chunks_exact(self.vocabulary()).zip(tokens);
            scores.extend(rows.map(|(logits, &token)| ranking::score(logits, token, top)));
        }
        scores
    }

    /// The most memory that the cache can take while sequences grow to these lengths, bytes.
    pub fn most_cache(&self, lengths: &[usize]) -> usize {
        self.cache.most(lengths)
    }

    /// Adds a sequence, the first `length` tokens of row `row` of the computed batch.
    pub fn push(&mut self, computed: &PaddedPrompts, row: usize, length: usize) {
        self.cache.push(&computed.kept, row, length);
    }

    /// Drops sequence `row`; the last sequence moves to its row.
    pub fn swap_remove(&mut self, row: usize) {
        self.cache.swap_remove(row);
    }

    /// Appends a token to each sequence and computes the logits of the tokens after them.
    pub fn decode(&mut self, tokens: &[u32]) {
        let hidden = self.model.decode(tokens, &mut self.cache);
        read(&self.model.logits(&hidden), &mut self.logits);
    }

    /// Logits of the token after sequence `row`, as of the last [`Self::decode`].
    pub fn logits(&self, row: usize) -> &[f32] {
        &self.logits[row * self.vocabulary()..][..self.vocabulary()]
    }

    /// Drops all sequences.
    pub fn clear(&mut self) {
        self.cache.clear();
    }

    /// Drops all sequences and clears the cache's memory: NaN values would otherwise show
    /// through the padding of later sequences.
    pub fn scrub(&mut self) {
        let (config, options) = (self.model.config(), (self.kind, self.model.device()));
        self.cache = KvCache::new(config, self.sequences, self.context, options);
    }

    /// Replaces the weights. On an error the old ones stay.
    pub fn reload(&mut self, folder: &Path) -> Result<(), ModelError> {
        self.model.reload(folder)
    }

    fn vocabulary(&self) -> usize {
        self.model.config().vocabulary as usize
    }
}

fn read(tensor: &Tensor, into: &mut Vec<f32>) {
    let tensor = tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    into.resize(tensor.numel(), 0.0);
    tensor.copy_data(into, tensor.numel());
}
