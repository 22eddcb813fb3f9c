//! The KV cache: keys and values of the sequences that are being sampled.
//!
//! Memory is allocated as sequences grow. Eight sequences share a slab, which is as long as the
//! longest of them, in steps of [`STEP`] tokens; a slab is freed with its last sequence.

use tch::{Device, Kind, Tensor};

use super::ModelConfig;

/// Lengths are rounded up to this many tokens before attention. Together with at least
/// [`MIN_ROWS`] rows a product and [`retrial_native::mkl::strict`], this makes each row's result
/// independent of the rows and lengths beside it: libtorch's CPU kernels then add in the same order for
/// all shapes. A test of the embedded server checks it.
pub const LENGTH_UNIT: usize = 32;

/// Products with fewer rows use another kernel, whose sums differ in the last bit. Also the number of
/// sequences of a slab.
pub const MIN_ROWS: usize = 8;

/// Tokens by which a slab grows: small, so that little memory is allocated early; large enough that
/// copying costs little compared with attention over that many tokens.
const STEP: usize = 128;

/// Keys and values by layer and sequence. Sequence `i` is row `i % MIN_ROWS` of slab
/// `i / MIN_ROWS`.
pub struct KvCache {
    slabs: Vec<Slab>,
    lengths: Vec<usize>,
    context: usize,
    shape: Shape,
}

/// Room for [`MIN_ROWS`] sequences.
struct Slab {
    // One pair a layer, each [MIN_ROWS, Hkv, L, D].
    layers: Vec<(Tensor, Tensor)>,
    /// L.
    capacity: usize,
}

/// The dimensions on which the memory of a token depends.
#[derive(Clone, Copy)]
struct Shape {
    layers: usize,
    kv_heads: i64,
    head_width: i64,
    kind: Kind,
    device: Device,
}

impl KvCache {
    /// A cache for `sequences` sequences of at most `context` tokens; it is empty and takes no
    /// memory yet.
    pub fn new(
        config: &ModelConfig,
        sequences: usize,
        context: usize,
        (kind, device): (Kind, Device),
    ) -> Self {
        let shape = Shape {
            layers: config.layers,
            kv_heads: config.kv_heads,
            head_width: config.head_width,
            kind,
            device,
        };
        Self { slabs: Vec::new(), lengths: Vec::with_capacity(sequences), context, shape }
    }

    /// Memory for `sequences` sequences that all have `length` tokens, bytes.
    pub fn bytes(config: &ModelConfig, sequences: usize, length: usize) -> usize {
        let width = (config.kv_heads * config.head_width) as usize;
        let of_slab = bytes_of(config.layers, width, capacity_for(length, length));
        sequences.div_ceil(MIN_ROWS) * of_slab
    }

    /// `length` rounded up to the padded length.
    pub fn padded(length: usize) -> usize {
        length.next_multiple_of(LENGTH_UNIT)
    }

    /// The most memory that the cache can take while its sequences grow to these lengths, bytes;
    /// some of them may not have been added yet.
    pub fn most(&self, lengths: &[usize]) -> usize {
        let slabs = lengths.len().div_ceil(MIN_ROWS).max(self.slabs.len());
        // However sequences share slabs, only the longest ones decide their lengths, one a slab;
        let mut longest = lengths.to_vec();
        longest.sort_unstable_by(|a, b| b.cmp(a));
        longest.resize(longest.len().max(slabs), 0);
        // a sequence to be added goes into the shortest slab in the worst case.
        let mut there: Vec<usize> = self.slabs.iter().map(|slab| slab.capacity).collect();
        there.resize(slabs, 0);
        there.sort_unstable();
        let of_slab = |(&there, &length): (&usize, &usize)| {
            self.shape.bytes(there.max(capacity_for(length, self.context)))
        };
        there.iter().zip(&longest).map(of_slab).sum()
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
        let row = self.lengths.len();
        self.lengths.push(length);
        self.make_room(row, length);
        let (slab, row) = (&self.slabs[row / MIN_ROWS], row % MIN_ROWS);
        for ((keys, values), (new_keys, new_values)) in slab.layers.iter().zip(computed) {
            for (cache, new) in [(keys, new_keys), (values, new_values)] {
                write(cache, row, &new.get(from as i64), length);
            }
        }
    }

    /// Drops sequence `row`; the last sequence moves to its row.
    pub fn swap_remove(&mut self, row: usize) {
        let last = self.lengths.len() - 1;
        if row != last {
            let length = self.lengths[last];
            self.make_room(row, length);
            let (from, to) = (&self.slabs[last / MIN_ROWS], &self.slabs[row / MIN_ROWS]);
            for ((keys, values), (to_keys, to_values)) in from.layers.iter().zip(&to.layers) {
                for (from, to) in [(keys, to_keys), (values, to_values)] {
                    write(to, row % MIN_ROWS, &from.get((last % MIN_ROWS) as i64), length);
                }
            }
        }
        self.lengths.swap_remove(row);
        self.slabs.truncate(self.lengths.len().div_ceil(MIN_ROWS));
    }

    /// Drops all sequences and frees their memory.
    pub fn clear(&mut self) {
        self.lengths.clear();
        self.slabs.clear();
    }

    /// Makes room for one more token of each sequence. Returns for each slab the tokens that attention
    /// covers: those of the longest sequence, rounded up.
    pub(super) fn grow(&mut self) -> Vec<i64> {
        let lengths: Vec<usize> =
            (0..self.slabs.len()).map(|slab| self.longest(slab) + 1).collect();
        for (slab, &length) in lengths.iter().enumerate() {
            self.make_room(slab * MIN_ROWS, length);
        }
        lengths.into_iter().map(|length| Self::padded(length) as i64).collect()
    }

    /// Each row's length, unused rows of the slabs included.
    pub(super) fn positions(&self) -> Vec<i64> {
        let mut positions: Vec<i64> = self.lengths.iter().map(|&length| length as i64).collect();
        positions.resize(self.slabs.len() * MIN_ROWS, 0);
        positions
    }

    /// Writes one token's keys and values `[MIN_ROWS, Hkv, 1, D]` at each row's position of a slab
    /// and returns the slab's first `length` tokens in the layer, `[MIN_ROWS, Hkv, length, D]` each.
    pub(super) fn append(
        &self,
        layer: usize,
        slab: usize,
        (positions, length): (&Tensor, i64),
        keys: &Tensor,
        values: &Tensor,
    ) -> (Tensor, Tensor) {
        let (cached_keys, cached_values) = &self.slabs[slab].layers[layer];
        let write = |cache: &Tensor, new: &Tensor| {
            let mut block = cache.narrow(2, 0, length);
            let index = positions.view([MIN_ROWS as i64, 1, 1, 1]).expand_as(new);
            let _ = block.scatter_(2, &index, new);
            block
        };
        (write(cached_keys, keys), write(cached_values, values))
    }

    /// Counts the new token of every sequence.
    pub(super) fn advance(&mut self) {
        self.lengths.iter_mut().for_each(|length| *length += 1);
    }

    /// Tokens of the longest sequence of a slab.
    fn longest(&self, slab: usize) -> usize {
        let rows = self.lengths.chunks(MIN_ROWS).nth(slab).unwrap_or_default();
        rows.iter().copied().max().unwrap_or(0)
    }

    /// Grows the slab of `row` to at least `length` tokens.
    fn make_room(&mut self, row: usize, length: usize) {
        let index = row / MIN_ROWS;
        if index == self.slabs.len() {
            self.slabs.push(Slab::new(self.shape, capacity_for(length, self.context)));
        } else if self.slabs[index].capacity < length {
            self.slabs[index].extend(self.shape, capacity_for(length, self.context));
        }
    }
}

impl Shape {
    /// Memory of a slab, bytes.
    fn bytes(self, capacity: usize) -> usize {
        bytes_of(self.layers, (self.kv_heads * self.head_width) as usize, capacity)
    }

    fn zeros(self, capacity: usize) -> Tensor {
        let shape = [MIN_ROWS as i64, self.kv_heads, capacity as i64, self.head_width];
        Tensor::zeros(shape, (self.kind, self.device))
    }
}

impl Slab {
    fn new(shape: Shape, capacity: usize) -> Self {
        let layers = (0..shape.layers).map(|_| (shape.zeros(capacity), shape.zeros(capacity)));
        Self { layers: layers.collect(), capacity }
    }

    /// Grows it one tensor at a time, so that little memory is allocated twice.
    fn extend(&mut self, shape: Shape, capacity: usize) {
        let extended = |old: &Tensor| {
            let new = shape.zeros(capacity);
            new.narrow(2, 0, self.capacity as i64).copy_(old);
            new
        };
        for (keys, values) in &mut self.layers {
            *keys = extended(keys);
            *values = extended(values);
        }
        self.capacity = capacity;
    }
}

/// Tokens of a slab whose longest sequence has `length`, none longer than `context`.
fn capacity_for(length: usize, context: usize) -> usize {
    let most = KvCache::padded(context.max(length));
    length.next_multiple_of(STEP).min(most)
}

fn bytes_of(layers: usize, width: usize, capacity: usize) -> usize {
    2 * layers * MIN_ROWS * capacity * width * size_of::<f32>()
}

/// Copies the first `length` tokens of `new` `[Hkv, T, D]` to a row.
fn write(cache: &Tensor, row: usize, new: &Tensor, length: usize) {
    let length = length as i64;
    cache.get(row as i64).narrow(1, 0, length).copy_(&new.narrow(1, 0, length));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache of one layer with one number for keys and one for values a token.
    fn cache(context: usize) -> KvCache {
        let shape =
            Shape { layers: 1, kv_heads: 1, head_width: 1, kind: Kind::Float, device: Device::Cpu };
        KvCache { slabs: vec![], lengths: vec![], context, shape }
    }

    fn push(cache: &mut KvCache, length: usize) {
        let computed = Tensor::ones([1, 1, length as i64, 1], (Kind::Float, Device::Cpu));
        cache.push(&[(computed.shallow_clone(), computed)], 0, length);
    }

    fn capacities(cache: &KvCache) -> Vec<usize> {
        cache.slabs.iter().map(|slab| slab.capacity).collect()
    }

    #[test]
    fn memory_is_taken_as_sequences_need_it_and_given_back() {
        let mut cache = cache(300);
        (0..8).for_each(|_| push(&mut cache, 10));
        assert_eq!(capacities(&cache), [128]);
        push(&mut cache, 128);
        assert_eq!(capacities(&cache), [128, 128]);
        // One more token than there is room for; never more than the padded context.
        assert_eq!(cache.grow(), [32, 160]);
        assert_eq!(capacities(&cache), [128, 256]);
        (0..150).for_each(|_| cache.advance());
        cache.grow();
        assert_eq!(capacities(&cache), [256, 320]);
        // The last sequence moves to the free row, with room for all its tokens.
        cache.swap_remove(0);
        assert_eq!(capacities(&cache), [320]);
        assert_eq!(cache.lengths, [278, 160, 160, 160, 160, 160, 160, 160]);
        let keys = &cache.slabs[0].layers[0].0;
        assert_eq!(keys.get(0).sum(Kind::Float).double_value(&[]), 128.0);
        cache.clear();
        assert!(cache.slabs.is_empty());
    }

    #[test]
    fn the_most_that_sequences_can_take_counts_the_longest_of_each_slab() {
        let mut cache = cache(1000);
        let slab = |tokens: usize| tokens * MIN_ROWS * 2 * size_of::<f32>();
        assert_eq!(cache.most(&[]), 0);
        assert_eq!(cache.most(&[100]), slab(128));
        assert_eq!(cache.most(&[100; 9]), 2 * slab(128));
        let mut lengths = vec![100; 9];
        lengths[3] = 900;
        assert_eq!(cache.most(&lengths), slab(1024) + slab(128));
        // A slab does not shrink with its sequences.
        push(&mut cache, 500);
        assert_eq!(cache.most(&[600]), slab(640));
        assert_eq!(cache.most(&[100]), slab(512));
        assert_eq!(cache.most(&[900; 9]), 2 * slab(1024));
        assert_eq!(cache.most(&lengths), slab(1024) + slab(512));
    }
}
