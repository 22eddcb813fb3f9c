//! Scaled dot-product attention over padded and packed sequences.

use std::ops::Range;

use retrial_native::flash;
use tch::{Device, Kind, Tensor};

use super::block::{self, Block};

/// Causal attention inside each of B sequences: queries `[B, T, Hq, D]`, keys and values
/// `[B, T, Hkv, D]` to `[B, T, Hq D]`. With a window each token sees that many, itself included.
pub fn causal(q: &Tensor, k: &Tensor, v: &Tensor, window: Option<i64>) -> Tensor {
    let length = q.size()[1];
    let (q, k, v) = (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));
    match window.filter(|&window| window < length) {
        None => attention(&q, &k, &v, None, true),
        Some(window) => {
            let all = Tensor::ones([length, length], (Kind::Bool, q.device()));
            attention(&q, &k, &v, Some(&all.tril(0).triu(1 - window)), false)
        }
    }
}

/// Tokens of the stream that are in a row in it and in their sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The tokens before them in the sequence, which other segments may share. May be empty.
    pub prefix: Range<usize>,
    /// The tokens themselves; not empty.
    pub own: Range<usize>,
}

/// A stream of segments: first those without a prefix, then those with one.
pub struct Packing {
    /// Segments without a prefix: an item `(count, length)` stands for `count` of that length in a row.
    runs: Vec<(i64, i64)>,
    /// Segments with a prefix.
    blocks: Vec<Block>,
    /// Where each token of the stream is in what runs and blocks give, if there are blocks, `[T]`.
    order: Option<Tensor>,
    /// For the kernel that takes all segments at once, where there is one.
    one_call: Option<OneCall>,
    /// Tokens of the longest sequence.
    longest: i64,
}

/// The segments of a stream for the flash kernel.
struct OneCall {
    /// Offsets of the queries of each segment, and the end.
    queries: Tensor,
    /// Offsets of its keys.
    keys: Tensor,
    /// The tokens whose keys these are, if they are not those of the stream.
    gathered: Option<Tensor>,
    longest_query: i64,
}

impl Packing {
    /// A stream of these segments, for attention in `kind` on `device`.
    pub fn new(segments: &[Segment], kind: Kind, device: Device) -> Self {
        let plain = segments.iter().take_while(|segment| segment.prefix.is_empty()).count();
        let (plain, prefixed) = segments.split_at(plain);
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for length in plain.iter().map(|segment| segment.own.len() as i64) {
            match runs.last_mut() {
                Some((count, of)) if *of == length => *count += 1,
                _ => runs.push((1, length)),
            }
        }
        let calls = runs.len() + prefixed.len();
        let one_call = calls > 1 && flash::has_kernel(device, kind);
        let first = plain.last().map_or(0, |segment| segment.own.end);
        let (blocks, order) = block::blocks(prefixed, first, kind, device);
        let length = |segment: &Segment| (segment.prefix.len() + segment.own.len()) as i64;
        Self {
            runs,
            blocks,
            order,
            one_call: one_call.then(|| OneCall::new(segments, device)),
            longest: segments.iter().map(length).max().unwrap_or(0),
        }
    }
}

impl OneCall {
    fn new(segments: &[Segment], device: Device) -> Self {
        let own = segments.iter().map(|segment| segment.own.len());
        let all = segments.iter().map(|segment| segment.prefix.len() + segment.own.len());
        let keys =
            segments.iter().flat_map(|segment| segment.prefix.clone().chain(segment.own.clone()));
        let shared = segments.iter().any(|segment| !segment.prefix.is_empty());
        let gathered: Vec<i64> = keys.map(|row| row as i64).collect();
        Self {
            longest_query: own.clone().max().unwrap_or(0) as i64,
            queries: starts(own).to_device(device),
            keys: starts(all).to_device(device),
            gathered: shared.then(|| Tensor::from_slice(&gathered).to_device(device)),
        }
    }

    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor, longest: i64) -> Tensor {
        let gather = |x: &Tensor| match &self.gathered {
            Some(rows) => x.index_select(0, rows),
            None => x.shallow_clone(),
        };
        let lengths = flash::Lengths {
            queries: &self.queries,
            keys: &self.keys,
            longest_query: self.longest_query,
            longest_key: longest,
        };
        let attended = flash::attend(q, &gather(k), &gather(v), &lengths);
        attended.unwrap_or_else(|error| panic!("{error}")).flatten(1, 2)
    }
}

/// Offsets of segments of these lengths, and of the end.
fn starts(lengths: impl Iterator<Item = usize>) -> Tensor {
    let ends = lengths.scan(0, |end, length| {
        *end += length as i32;
        Some(*end)
    });
    Tensor::from_slice(&std::iter::once(0).chain(ends).collect::<Vec<i32>>())
}

/// Causal attention inside each of several sequences: queries `[T, Hq, D]`, keys and values
/// `[T, Hkv, D]` of a stream, to `[T, Hq D]`. A GPU with the flash kernel does it in one call; elsewhere,
/// and with a window, segments of similar lengths share one call.
pub fn packed(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    packing: &Packing,
    window: Option<i64>,
) -> Tensor {
    let Packing { runs, blocks, order, one_call, longest } = packing;
    let takes = flash::takes_width(q.size()[2]) && window.is_none_or(|window| window >= *longest);
    if let Some(one_call) = one_call.as_ref().filter(|_| takes) {
        return one_call.attend(q, k, v, *longest);
    }
    let mut tokens: Vec<i64> = runs.iter().map(|(count, length)| count * length).collect();
    tokens.push(q.size()[0] - tokens.iter().sum::<i64>());
    // Split rather than narrow: its backward pass is one concatenation.
    let split = |x: &Tensor| x.split_with_sizes(tokens.as_slice(), 0);
    let of_runs = split(q).into_iter().zip(split(k)).zip(split(v)).zip(runs).map(
        |(((q, k), v), &(count, length))| {
            let of_run = |x: &Tensor| x.unflatten(0, [count, length]);
            causal(&of_run(&q), &of_run(&k), &of_run(&v), window).flatten(0, 1)
        },
    );
    let of_blocks = blocks.iter().map(|block| block.attend(q, k, v, window));
    let attended = Tensor::cat(&of_runs.chain(of_blocks).collect::<Vec<_>>(), 0);
    match order {
        Some(order) => attended.index_select(0, order),
        None => attended,
    }
}

/// Attention of queries `[B, Hq, T, D]` to keys and values `[B, Hkv, L, D]`, where `visible` allows
/// it: `[B, T, Hq D]`.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    visible: Option<&Tensor>,
    causal: bool,
) -> Tensor {
    let grouped = q.size()[1] != k.size()[1];
    Tensor::scaled_dot_product_attention(q, k, v, visible, 0.0, causal, None, grouped)
        .transpose(1, 2)
        .flatten(2, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of these lengths without a prefix, and then segments after one of them.
    fn segments(lengths: &[usize], prefixed: &[(usize, usize)]) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut end = 0;
        let after = prefixed.iter().map(|&(of, length)| (Some(of), length));
        for (of, length) in lengths.iter().map(|&length| (None, length)).chain(after) {
            let prefix = of.map_or(0..0, |of: usize| segments[of].own.clone());
            segments.push(Segment { prefix, own: end..end + length });
            end += length;
        }
        segments
    }

    #[test]
    fn sequences_of_one_length_in_a_row_share_a_call() {
        let packing = Packing::new(&segments(&[2, 2, 3, 2], &[]), Kind::Float, Device::Cpu);
        assert_eq!(packing.runs, [(2, 2), (1, 3), (1, 2)]);
        assert!(packing.one_call.is_none(), "there is no kernel for it on the CPU");
        let starts = starts([2, 2, 3, 2].into_iter());
        assert_eq!(Vec::<i32>::try_from(starts).unwrap(), [0, 2, 4, 7, 9]);
    }

    /// What attention gives, and the gradients of queries, keys and values.
    fn run(packing: &Packing, of: [&Tensor; 3], window: Option<i64>) -> [Tensor; 4] {
        let [q, k, v] = of;
        let attended = packed(q, k, v, packing, window);
        let loss = (&attended * attended.detach().cos()).sum(Kind::Float);
        let mut found = Tensor::run_backward(&[loss], &[q, k, v], false, false).into_iter();
        let mut next = || found.next().unwrap();
        [attended.shallow_clone(), next(), next(), next()]
    }

    fn difference(a: &[Tensor], b: &[Tensor]) -> f64 {
        let of_one = |(a, b): (&Tensor, &Tensor)| (a - b).abs().max().double_value(&[]);
        a.iter().zip(b).map(of_one).fold(0.0, f64::max)
    }

    #[test]
    fn segments_attend_to_their_prefix_and_to_themselves() {
        // Responses shorter and longer than their prompts.
        let prefixed = [(0, 3), (1, 9), (1, 4), (0, 1), (1, 6), (0, 7), (0, 20)];
        let all = segments(&[5, 8, 13], &prefixed);
        let tokens = all.last().unwrap().own.end as i64;
        let of = |heads: i64| {
            let size = [tokens, heads, 8];
            Tensor::randn(size, (Kind::Float, Device::Cpu)).set_requires_grad(true)
        };
        let (q, k, v) = (of(4), of(2), of(2));
        for window in [None, Some(4), Some(9)] {
            let packing = Packing::new(&all, Kind::Float, Device::Cpu);
            let found = run(&packing, [&q, &k, &v], window);
            // Each sequence alone; of a prefix only the keys and values take part.
            let alone = all.iter().map(|Segment { prefix, own }| {
                let rows: Vec<i64> =
                    prefix.clone().chain(own.clone()).map(|row| row as i64).collect();
                let rows = Tensor::from_slice(&rows);
                let part = |x: &Tensor| x.index_select(0, &rows).unsqueeze(0);
                let (of_prefix, of_own) = (prefix.len() as i64, own.len() as i64);
                causal(&part(&q), &part(&k), &part(&v), window)
                    .squeeze_dim(0)
                    .narrow(0, of_prefix, of_own)
            });
            let attended = Tensor::cat(&alone.collect::<Vec<_>>(), 0);
            let loss = (&attended * attended.detach().cos()).sum(Kind::Float);
            let mut expected = Tensor::run_backward(&[loss], &[&q, &k, &v], false, false);
            expected.insert(0, attended);
            let difference = difference(&found, &expected);
            assert!(difference < 1e-5, "{window:?}: they differ by {difference}");
        }
    }

    #[test]
    fn one_call_for_all_sequences_is_worth_one_for_each() {
        if !flash::has_kernel(Device::cuda_if_available(), Kind::BFloat16) {
            println!("not run: there is no GPU with the kernel");
            return;
        }
        let device = Device::Cuda(0);
        for prefixed in [vec![], vec![(1, 30), (0, 70), (1, 200)]] {
            let all = segments(&[5, 129, 1, 64], &prefixed);
            let tokens = all.last().unwrap().own.end as i64;
            let of = |heads: i64| {
                let size = [tokens, heads, 64];
                Tensor::randn(size, (Kind::BFloat16, device)).set_requires_grad(true)
            };
            let (q, k, v) = (of(4), of(2), of(2));
            let with = Packing::new(&all, Kind::BFloat16, device);
            let without = Packing { one_call: None, ..Packing::new(&all, Kind::BFloat16, device) };
            let one = run(&with, [&q, &k, &v], None);
            let difference = difference(&one, &run(&without, [&q, &k, &v], None));
            assert!(difference < 0.05, "they differ by {difference}");
        }
    }
}
