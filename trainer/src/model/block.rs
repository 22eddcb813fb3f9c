//! Attention of segments of similar lengths to their prefixes and to themselves, in one padded call.
//!
//! Letters in shapes: B segments, L queries and K keys of each, padding included.

use tch::{Device, Kind, Tensor};

use super::attention::{Segment, attention, causal};

/// Scores that may be padding whatever their share: another call costs more.
const SMALL: usize = 1 << 16;

/// Segments that attend in one call.
pub struct Block {
    count: i64,
    /// Tokens whose queries take part, `[B L]`.
    queries: Tensor,
    /// Tokens whose keys and values take part, `[B K]`.
    keys: Tensor,
    /// What the queries see; none if each key has one.
    sight: Option<Sight>,
}

/// What queries see that belong to the last of the keys.
struct Sight {
    /// The last key that a query sees, `[B, 1, L, 1]`.
    last: Tensor,
    /// `[K]`.
    columns: Tensor,
    /// What is added to scores where there is no window, `[B, 1, L, K]`.
    mask: Tensor,
}

/// Whether a segment is computed with the queries of its prefix, which are thrown away. Where it is
/// longer than the prefix, the triangle of all tokens is smaller than the rectangle of its own.
fn is_whole(segment: &Segment) -> bool {
    segment.prefix.len() < segment.own.len()
}

/// The numbers of queries and of keys.
fn size(segment: &Segment) -> (usize, usize) {
    let keys = segment.prefix.len() + segment.own.len();
    (if is_whole(segment) { keys } else { segment.own.len() }, keys)
}

/// Blocks of the segments that a stream has from token `first` on. Also where each token of the
/// stream is in what the tokens before `first` give, followed by what the blocks give.
pub fn blocks(
    segments: &[Segment],
    first: usize,
    kind: Kind,
    device: Device,
) -> (Vec<Block>, Option<Tensor>) {
    let Some(last) = segments.last() else { return (Vec::new(), None) };
    let mut sorted: Vec<&Segment> = segments.iter().collect();
    sorted.sort_by_key(|segment| (is_whole(segment), size(segment)));
    let mut order: Vec<i64> = (0..last.own.end as i64).collect();
    let mut blocks = Vec::new();
    let mut start = first;
    let mut rest = sorted.as_slice();
    while !rest.is_empty() {
        let (chosen, others) = rest.split_at(alike(rest));
        let (queries, _) = widest(chosen);
        for (segment, start) in chosen.iter().zip((start..).step_by(queries)) {
            let skipped = if is_whole(segment) { segment.prefix.len() } else { 0 };
            for (token, place) in segment.own.clone().zip(start + skipped..) {
                order[token] = place as i64;
            }
        }
        start += chosen.len() * queries;
        blocks.push(Block::new(chosen, kind, device));
        rest = others;
    }
    (blocks, Some(Tensor::from_slice(&order).to_device(device)))
}

/// The most queries and the most keys of any of them.
fn widest(segments: &[&Segment]) -> (usize, usize) {
    let sizes = segments.iter().map(|segment| size(segment));
    sizes.fold((0, 0), |(l, k), (queries, keys)| (l.max(queries), k.max(keys)))
}

/// How many of the first of them have similar lengths, at least one.
fn alike(segments: &[&Segment]) -> usize {
    let (mut l, mut k, mut needed) = (0, 0, 0);
    let fits = |(count, segment): (usize, &&Segment)| {
        let (queries, keys) = size(segment);
        (l, k, needed) = (l.max(queries), k.max(keys), needed + queries * keys);
        let same = is_whole(segment) == is_whole(segments[0]);
        same && (count + 1) * l * k <= needed + (needed / 4).max(SMALL)
    };
    segments.iter().enumerate().map(fits).take_while(|&fits| fits).count().max(1)
}

impl Block {
    fn new(segments: &[&Segment], kind: Kind, device: Device) -> Self {
        let (queries, keys) = widest(segments);
        let whole = is_whole(segments[0]);
        let tensor = |values: &[i64]| Tensor::from_slice(values).to_device(device);
        // Padding is any token: nothing that counts sees it.
        let padded = |tokens: &mut dyn Iterator<Item = usize>, own: usize, length: usize| {
            let tokens = tokens.chain(std::iter::repeat(own)).take(length);
            tokens.map(|token| token as i64).collect::<Vec<i64>>()
        };
        let all = |segment: &&Segment| {
            let mut tokens = segment.prefix.clone().chain(segment.own.clone());
            padded(&mut tokens, segment.own.start, keys)
        };
        let own = |segment: &&Segment| padded(&mut segment.own.clone(), segment.own.start, queries);
        let of_keys: Vec<i64> = segments.iter().flat_map(all).collect();
        let of_keys = tensor(&of_keys);
        let of_queries = if whole {
            of_keys.shallow_clone()
        } else {
            tensor(&segments.iter().flat_map(own).collect::<Vec<i64>>())
        };
        let prefixes: Vec<i64> =
            segments.iter().map(|segment| segment.prefix.len() as i64).collect();
        let sight = || Sight::new(&tensor(&prefixes), queries as i64, keys as i64, kind);
        Self {
            count: segments.len() as i64,
            queries: of_queries,
            keys: of_keys,
            sight: (!whole).then(sight),
        }
    }

    /// Queries `[T, Hq, D]`, keys and values `[T, Hkv, D]` of the stream to `[B L, Hq D]`.
    pub fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor, window: Option<i64>) -> Tensor {
        let gather =
            |x: &Tensor, rows: &Tensor| x.index_select(0, rows).unflatten(0, [self.count, -1]);
        let (q, k, v) = (gather(q, &self.queries), gather(k, &self.keys), gather(v, &self.keys));
        let attended = match &self.sight {
            None => causal(&q, &k, &v, window),
            Some(sight) => {
                let mask = sight.within(window, k.size()[1]);
                let (q, k, v) = (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));
                attention(&q, &k, &v, Some(&mask), false)
            }
        };
        attended.flatten(0, 1)
    }
}

impl Sight {
    /// `prefixes` has the lengths of the prefixes, `[B]`.
    fn new(prefixes: &Tensor, queries: i64, keys: i64, kind: Kind) -> Self {
        let count = |n: i64| Tensor::arange(n, (Kind::Int64, prefixes.device()));
        let columns = count(keys);
        let last = prefixes.view([-1, 1, 1, 1]) + count(queries).unsqueeze(1);
        // As numbers: the kernel would convert it in every layer.
        let hidden = columns.gt_tensor(&last);
        let mask = hidden.zeros_like().to_kind(kind).masked_fill(&hidden, f64::NEG_INFINITY);
        Self { last, columns, mask }
    }

    /// The mask of a layer that sees this many tokens, or all of `keys`.
    fn within(&self, window: Option<i64>, keys: i64) -> Tensor {
        let Some(window) = window.filter(|&window| window < keys) else {
            return self.mask.shallow_clone();
        };
        let far = self.columns.le_tensor(&(&self.last - window));
        self.mask.masked_fill(&far, f64::NEG_INFINITY)
    }
}
