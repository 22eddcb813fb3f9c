//! Keys and values of the sequences that are being sampled.

use tch::{Device, Kind, Tensor};

use super::ModelConfig;

/// Lengths are rounded up to this many tokens before attention. Together with at least
/// [`MIN_ROWS`] rows a product and [`retrial_native::mkl::strict`], this makes each row's numbers
/// independent of the rows and lengths beside it: libtorch's CPU kernels add in the same order for all
/// such shapes. A test of the embedded server holds us to it.
pub const LENGTH_UNIT: usize = 32;

/// Products with fewer rows take another kernel, whose sums differ in the last bit.
pub const MIN_ROWS: usize = 8;

/// Keys and values by layer and sequence. Sequence `i` is row `i`; the first `len()` rows are in
/// use.
pub struct KvCache {
    // One pair a layer, each [S, Hkv, L, D].
    layers: Vec<(Tensor, Tensor)>,
    lengths: Vec<usize>,
    context: usize,
}

impl KvCache {
    /// Room for `sequences` sequences of at most `context` tokens.
    pub fn new(config: &ModelConfig, sequences: usize, context: usize, device: Device) -> Self {
        let rows = sequences.next_multiple_of(MIN_ROWS) as i64;
        let padded = context.next_multiple_of(LENGTH_UNIT) as i64;
        let shape = [rows, config.kv_heads, padded, config.head_width];
        let zeros = || Tensor::zeros(shape, (Kind::Float, device));
        let layers = (0..config.layers).map(|_| (zeros(), zeros())).collect();
        Self { layers, lengths: Vec::with_capacity(sequences), context }
    }

    /// Memory for `sequences` sequences of at most `context` tokens, bytes.
    pub fn bytes(config: &ModelConfig, sequences: usize, context: usize) -> usize {
        let tokens = sequences.next_multiple_of(MIN_ROWS) * Self::padded(context);
        let width = (config.kv_heads * config.head_width) as usize;
        2 * config.layers * tokens * width * size_of::<f32>()
    }

    /// The length that a sequence of `length` tokens is padded to.
    pub fn padded(length: usize) -> usize {
        length.next_multiple_of(LENGTH_UNIT)
    }

    /// Sequences in the cache.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether no sequence is in the cache.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Tokens of sequence `row`.
    pub fn length(&self, row: usize) -> usize {
        self.lengths[row]
    }

    /// Most tokens of a sequence.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Adds a sequence of `length` tokens whose keys and values are row `from` of `computed`, one
    /// pair of `[B, Hkv, T, D]` a layer with `T >= length`.
    pub fn push(&mut self, computed: &[(Tensor, Tensor)], from: usize, length: usize) {
        let row = self.lengths.len() as i64;
        for ((keys, values), (new_keys, new_values)) in self.layers.iter().zip(computed) {
            for (cache, new) in [(keys, new_keys), (values, new_values)] {
                let new = new.get(from as i64).narrow(1, 0, length as i64);
                cache.get(row).narrow(1, 0, length as i64).copy_(&new);
            }
        }
        self.lengths.push(length);
    }

    /// Drops sequence `row`; the last sequence takes its place.
    pub fn swap_remove(&mut self, row: usize) {
        let last = self.lengths.len() - 1;
        if row != last {
            let length = self.lengths[last] as i64;
            for tensor in self.layers.iter().flat_map(|(keys, values)| [keys, values]) {
                let moved = tensor.get(last as i64).narrow(1, 0, length);
                tensor.get(row as i64).narrow(1, 0, length).copy_(&moved);
            }
        }
        self.lengths.swap_remove(row);
    }

    /// Drops all sequences.
    pub fn clear(&mut self) {
        self.lengths.clear();
    }

    /// Rows and tokens of the block that holds all sequences with one more token each, rounded up.
    pub(super) fn block(&self) -> (i64, i64) {
        let rows = self.lengths.len().next_multiple_of(MIN_ROWS);
        let longest = self.lengths.iter().max().map_or(1, |length| length + 1);
        (rows as i64, longest.next_multiple_of(LENGTH_UNIT) as i64)
    }

    /// Each row's length, unused rows of the block included.
    pub(super) fn positions(&self) -> Vec<i64> {
        let (rows, _) = self.block();
        let mut positions: Vec<i64> = self.lengths.iter().map(|&length| length as i64).collect();
        positions.resize(rows as usize, 0);
        positions
    }

    /// Writes one token's keys and values `[R, Hkv, 1, D]` at each row's position and returns the
    /// layer's block, `[R, Hkv, L, D]` each.
    pub(super) fn append(
        &self,
        layer: usize,
        positions: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> (Tensor, Tensor) {
        let (rows, length) = self.block();
        let (cached_keys, cached_values) = &self.layers[layer];
        let write = |cache: &Tensor, new: &Tensor| {
            let mut block = cache.narrow(0, 0, rows).narrow(2, 0, length);
            let index = positions.view([rows, 1, 1, 1]).expand_as(new);
            let _ = block.scatter_(2, &index, new);
            block
        };
        (write(cached_keys, keys), write(cached_values, values))
    }

    /// Every sequence now has one more token.
    pub(super) fn advance(&mut self) {
        self.lengths.iter_mut().for_each(|length| *length += 1);
    }
}
