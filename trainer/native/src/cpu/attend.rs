//! Attention of queries to the pages of their sequences, without copying them.

use std::cell::Cell;
use std::sync::Arc;

use super::grid::Grid;
use super::lanes::{Instructions, LANES, Lanes, Work};
use super::page::{Page, PageShape};
use super::pool::Pool;
use super::tile::{Panels, Rows, Target, multiply};

/// Rows of queries that are computed together.
const TOGETHER: usize = 12;
/// Work that is worth another thread, multiply-adds.
const SHARED_FROM: usize = 1 << 15;

/// The token of a row of queries.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The pages of its sequence, those of its own token included.
    pub pages: &'a [Arc<Page>],
    /// Its position there.
    pub position: usize,
}

/// What attention is told of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// The layer.
    pub layer: usize,
    /// Query heads.
    pub heads: usize,
    /// The last tokens that a token sees, itself included; all if absent.
    pub window: Option<usize>,
    /// Factor of the scores.
    pub scale: f32,
}

/// Attends with the first `heads` heads of each row of `rows`, whose tokens are `queries`, into `out`.
/// Each sees the tokens up to its own. Rows of one sequence in a row share the reading of its pages.
///
/// # Panics
///
/// If widths do not fit.
pub fn attend(
    shape: PageShape,
    attention: Attention,
    queries: &[Query<'_>],
    rows: &Grid,
    out: &mut Grid,
    pool: &Pool,
) {
    let width = attention.heads * shape.width;
    assert!(rows.width() >= width && out.width() == width && rows.rows() == queries.len());
    assert!(attention.heads.is_multiple_of(shape.heads) && attention.layer < shape.layers);
    out.resize(queries.len());
    let group = attention.heads / shape.heads;
    let blocks = blocks(queries, (TOGETHER / group).max(1));
    let apart = out.apart();
    let to = Shared(out.numbers_mut().as_mut_ptr());
    let work: usize = queries.iter().map(|query| query.position + 1).sum::<usize>() * width * 2;
    let one = |task: usize| {
        let (first, count) = blocks[task / shape.heads];
        let block = Block {
            shape,
            attention,
            queries: &queries[first..first + count],
            rows,
            first,
            head: task % shape.heads,
            group,
            to,
            to_apart: apart,
        };
        Instructions::best().run(block);
    };
    let tasks = blocks.len() * shape.heads;
    if work < SHARED_FROM { (0..tasks).for_each(one) } else { pool.for_each(tasks, one) }
}

/// Rows of one sequence in a row, at most so many together: where they begin, and how many.
fn blocks(queries: &[Query<'_>], most: usize) -> Vec<(usize, usize)> {
    let mut blocks: Vec<(usize, usize)> = Vec::with_capacity(queries.len());
    for (row, query) in queries.iter().enumerate() {
        assert!(query.position / LANES < query.pages.len(), "a query's own page is there");
        match blocks.last_mut() {
            Some((first, count))
                if *count < most && std::ptr::eq(queries[*first].pages, query.pages) =>
            {
                *count += 1;
            }
            _ => blocks.push((row, 1)),
        }
    }
    blocks
}

/// Where all threads write, each its own heads and rows.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: threads write to different places.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// One head of keys and values, and a few rows of one sequence.
struct Block<'a> {
    shape: PageShape,
    attention: Attention,
    queries: &'a [Query<'a>],
    rows: &'a Grid,
    first: usize,
    head: usize,
    /// Query heads of a head of keys and values.
    group: usize,
    to: Shared,
    to_apart: usize,
}

thread_local! {
    /// Queries, scores and sums of a block.
    static ROOM: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

impl Work for Block<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        // Not inside a closure: the compiler would not use the instructions there.
        let mut room = ROOM.take();
        let Self { shape, attention: Attention { layer, window, scale, .. }, group, .. } = self;
        let (width, padded) = (shape.width, shape.padded());
        let rows = self.queries.len() * group;
        // Of each query, the tokens from the first to the last that it sees.
        let seen = |query: &Query<'_>| {
            let end = query.position + 1;
            (window.map_or(0, |window| end.saturating_sub(window)), end)
        };
        let (mut start, mut end) = (usize::MAX, 0);
        for (from, to) in self.queries.iter().map(seen) {
            (start, end) = (start.min(from), end.max(to));
        }
        let first_page = start / LANES;
        let pages = &self.queries[0].pages[first_page..end.div_ceil(LANES)];
        let length = pages.len() * LANES;
        room.resize(rows * (width + length + padded), 0.0);
        let (scaled, rest) = room.split_at_mut(rows * width);
        let (scores, sums) = rest.split_at_mut(rows * length);
        for (index, scaled) in scaled.chunks_exact_mut(width).enumerate() {
            let (row, head) = (self.first + index / group, self.head * group + index % group);
            let query = &self.rows.row(row)[head * width..][..width];
            scaled.iter_mut().zip(query).for_each(|(to, q)| *to = q * scale);
        }
        for (index, page) in pages.iter().enumerate() {
            let (keys, _) = page.head(layer, self.head);
            let next = pages.get(index + 1);
            let next = next.map_or(std::ptr::null(), |page| page.head(layer, self.head).0.as_ptr());
            // SAFETY: queries are `[rows, D]`, keys `[D, 16]`, scores `[rows, length]`.
            unsafe {
                multiply::<L>(
                    width,
                    Rows { first: scaled.as_ptr(), apart: width, count: rows },
                    Panels { first: keys.as_ptr(), apart: 0, step: LANES, count: 1 },
                    Target {
                        first: scores.as_mut_ptr().add(index * LANES),
                        apart: length,
                        continues: false,
                    },
                    next,
                );
            }
        }
        let mut totals = [0.0; 64];
        let base = first_page * LANES;
        for (index, scores) in scores.chunks_exact_mut(length).enumerate() {
            let (from, to) = seen(&self.queries[index / group]);
            // SAFETY: the instructions are the caller's.
            let total = unsafe { softmax::<L>(scores, from - base, to - base) };
            totals[index % totals.len()] = total;
            if index >= totals.len() {
                unreachable!("at most 64 query heads share a head of keys");
            }
        }
        for (index, page) in pages.iter().enumerate() {
            let (_, values) = page.head(layer, self.head);
            let next = pages.get(index + 1);
            let next = next.map_or(std::ptr::null(), |page| page.head(layer, self.head).1.as_ptr());
            let mut panel = 0;
            while panel < padded / LANES {
                let count = if padded / LANES - panel >= 4 { 4 } else { 1 };
                // SAFETY: scores are `[rows, length]`, values `[16, padded]`, sums
                // `[rows, padded]`.
                unsafe {
                    multiply::<L>(
                        (end - base - index * LANES).min(LANES),
                        Rows {
                            first: scores.as_ptr().add(index * LANES),
                            apart: length,
                            count: rows,
                        },
                        Panels {
                            first: values.as_ptr().add(panel * LANES),
                            apart: LANES,
                            step: padded,
                            count,
                        },
                        Target {
                            first: sums.as_mut_ptr().add(panel * LANES),
                            apart: padded,
                            continues: index > 0,
                        },
                        next,
                    );
                }
                panel += count;
            }
        }
        for (index, sums) in sums.chunks_exact(padded).enumerate() {
            let (row, head) = (self.first + index / group, self.head * group + index % group);
            // SAFETY: the row has all heads, and no other block has this one.
            let to = unsafe {
                let to = self.to.0.add(row * self.to_apart + head * width);
                std::slice::from_raw_parts_mut(to, width)
            };
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum / totals[index]);
        }
        ROOM.set(room);
    }
}

/// Replaces scores by their exponentials, less the largest of those from `from` to `to`; the others
/// become 0. Returns the sum.
#[inline(always)]
unsafe fn softmax<L: Lanes>(scores: &mut [f32], from: usize, to: usize) -> f32 {
    scores[..from].fill(f32::NEG_INFINITY);
    scores[to..].fill(f32::NEG_INFINITY);
    // SAFETY: chunks have sixteen numbers.
    unsafe {
        let mut peaks = L::splat(f32::NEG_INFINITY);
        for chunk in scores.chunks_exact(LANES) {
            peaks = L::load(chunk.as_ptr()).max(peaks);
        }
        let mut all = [0.0_f32; LANES];
        peaks.store(all.as_mut_ptr());
        let peak = L::splat(all.into_iter().fold(f32::NEG_INFINITY, f32::max));
        let mut sums = L::splat(0.0);
        for chunk in scores.chunks_exact_mut(LANES) {
            let e = L::load(chunk.as_ptr()).sub(peak).exp();
            e.store(chunk.as_mut_ptr());
            sums = sums.add(e);
        }
        sums.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: PageShape = PageShape { layers: 2, heads: 2, width: 24 };

    fn number(a: usize, b: usize, c: usize) -> f32 {
        ((a * 7919 + b * 104_729 + c * 31) % 2003) as f32 * 2e-3 - 2.0
    }

    /// Pages of a sequence of `length` tokens.
    fn pages(length: usize) -> Vec<Arc<Page>> {
        let mut pages: Vec<Page> = (0..length.div_ceil(LANES)).map(|_| Page::new(SHAPE)).collect();
        let width = SHAPE.heads * SHAPE.width;
        for token in 0..length {
            let of = |kind: usize| (0..width).map(|i| number(token, i, kind)).collect::<Vec<_>>();
            pages[token / LANES].write(1, token % LANES, &of(0), &of(1));
        }
        pages.into_iter().map(Arc::new).collect()
    }

    fn expected(q: &[f32], position: usize, head: usize, window: Option<usize>) -> Vec<f64> {
        let from = window.map_or(0, |window| (position + 1).saturating_sub(window));
        let of =
            |token: usize, i: usize, kind| f64::from(number(token, head * SHAPE.width + i, kind));
        let scores: Vec<f64> = (from..=position)
            .map(|t| (0..SHAPE.width).map(|i| f64::from(q[i]) * 0.2 * of(t, i, 0)).sum())
            .collect();
        let total: f64 = scores.iter().map(|score: &f64| score.exp()).sum();
        let value = |i: usize| {
            let tokens = (from..=position).zip(&scores);
            tokens.map(|(t, score)| score.exp() / total * of(t, i, 1)).sum()
        };
        (0..SHAPE.width).map(value).collect()
    }

    #[test]
    fn a_row_attends_to_its_own_tokens_whatever_is_beside_it() {
        let pool = Pool::new(2).unwrap();
        let lengths = [1, 15, 16, 17, 50, 200];
        let sequences: Vec<_> = lengths.iter().map(|&length| pages(length)).collect();
        for window in [None, Some(1), Some(20)] {
            let attention = Attention { layer: 1, heads: 6, window, scale: 0.2 };
            // The last tokens of each sequence, as if they were a prompt's.
            let queries: Vec<Query> = sequences
                .iter()
                .zip(lengths)
                .flat_map(|(pages, length)| {
                    (length.saturating_sub(30)..length).map(|position| Query { pages, position })
                })
                .collect();
            let mut q = Grid::new(6 * SHAPE.width);
            q.resize(queries.len());
            for row in 0..queries.len() {
                (0..6 * SHAPE.width).for_each(|i| q.row_mut(row)[i] = number(row, i, 2));
            }
            let mut out = Grid::new(6 * SHAPE.width);
            attend(SHAPE, attention, &queries, &q, &mut out, &pool);
            for (row, query) in queries.iter().enumerate() {
                for head in 0..6 {
                    let of =
                        |grid: &Grid| grid.row(row)[head * SHAPE.width..][..SHAPE.width].to_vec();
                    let expected = expected(&of(&q), query.position, head / 3, window);
                    for (found, expected) in of(&out).iter().zip(expected) {
                        assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
                    }
                }
                let mut alone = Grid::new(6 * SHAPE.width);
                let mut q_alone = Grid::new(6 * SHAPE.width);
                q_alone.resize(1);
                q_alone.row_mut(0).copy_from_slice(q.row(row));
                attend(SHAPE, attention, &[*query], &q_alone, &mut alone, &pool);
                assert_eq!(alone.row(0), out.row(row), "row {row}");
            }
        }
    }
}
