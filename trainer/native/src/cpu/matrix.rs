//! A matrix of weights, laid out for products with few rows.

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::slice;

use super::grid::Grid;
use super::lanes::{Instructions, LANES, Lanes, Work};
use super::pool::Pool;
use super::tile::{Panels, Rows, Target, multiply};

/// Panels that are computed together.
const TOGETHER: usize = 4;
/// Rows that are computed before the next panels are read: they stay in the cache nearest but one.
const ROWS: usize = 240;
/// Parts of a product for each thread, so that one that is interrupted does less.
const PARTS: usize = 4;
/// Work that is worth another thread, multiply-adds.
const SHARED_FROM: usize = 1 << 15;
/// The size of a large page of memory, bytes.
const LARGE_PAGE: usize = 2 << 20;

/// A matrix of `[columns, inner]`, as panels of sixteen columns: `x W^T` is its product.
pub struct Matrix {
    columns: usize,
    inner: usize,
    panels: Memory,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn new(columns: usize, inner: usize) -> Self {
        let padded = columns.next_multiple_of(LANES);
        Self { columns, inner, panels: Memory::zeros(padded * inner) }
    }

    /// Columns of the result.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Numbers of a row that it is multiplied with.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Sets the weights of columns from `first` on; `weights` are `[n, inner]`.
    ///
    /// # Panics
    ///
    /// If it has no such columns.
    pub fn set(&mut self, first: usize, weights: &[f32]) {
        let inner = self.inner;
        assert!(first + weights.len() / inner <= self.columns, "no such columns");
        let panels = self.panels.numbers_mut();
        for (index, weights) in weights.chunks_exact(inner).enumerate() {
            let column = first + index;
            let panel = &mut panels[column / LANES * LANES * inner..][..LANES * inner];
            for (to, &weight) in panel[column % LANES..].iter_mut().step_by(LANES).zip(weights) {
                *to = weight;
            }
        }
    }

    /// The weights of one column.
    ///
    /// # Panics
    ///
    /// If there is no such column, or `into` has another length.
    pub fn get(&self, column: usize, into: &mut [f32]) {
        assert!(column < self.columns && into.len() == self.inner, "no such column");
        let panel = &self.panels.numbers()[column / LANES * LANES * self.inner..];
        for (to, &weight) in into.iter_mut().zip(panel[column % LANES..].iter().step_by(LANES)) {
            *to = weight;
        }
    }

    /// `out = x W^T`: the first `inner` numbers of each row of `x` are taken, and `out` gets as many rows.
    ///
    /// # Panics
    ///
    /// If widths do not fit.
    pub fn multiply(&self, x: &Grid, out: &mut Grid, pool: &Pool) {
        self.multiply_by(Instructions::best(), x, out, pool);
    }

    fn multiply_by(&self, by: Instructions, x: &Grid, out: &mut Grid, pool: &Pool) {
        assert!(x.width() >= self.inner && out.width() == self.columns, "widths do not fit");
        out.resize(x.rows());
        let panels = self.columns.div_ceil(LANES);
        let groups = panels.div_ceil(TOGETHER);
        let parts = if x.rows() * self.inner * self.columns < SHARED_FROM {
            1
        } else {
            groups.min(pool.count() * PARTS)
        };
        let apart = out.apart();
        let to = Shared(out.numbers_mut().as_mut_ptr());
        let weights = self.panels.numbers();
        let numbers = x.numbers();
        pool.for_each(if pool.count() == 1 { 1 } else { parts }, |part| {
            let parts = if pool.count() == 1 { 1 } else { parts };
            let group = |part: usize| (part * groups / parts * TOGETHER).min(panels);
            by.run(Part {
                matrix: self,
                weights,
                x: numbers,
                x_apart: x.apart(),
                rows: x.rows(),
                panels: (group(part), group(part + 1)),
                to,
                to_apart: apart,
            });
        });
    }
}

/// Some panels of a product.
struct Part<'a> {
    matrix: &'a Matrix,
    weights: &'a [f32],
    x: &'a [f32],
    x_apart: usize,
    rows: usize,
    panels: (usize, usize),
    to: Shared,
    to_apart: usize,
}

/// Where all threads write, each its own columns.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: threads write to different places.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Work for Part<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let inner = self.matrix.inner;
        let (from, to) = self.panels;
        let mut first_row = 0;
        while first_row < self.rows {
            let count = (self.rows - first_row).min(ROWS);
            let mut panel = from;
            while panel < to {
                let together = if to - panel >= TOGETHER { TOGETHER } else { 1 };
                // SAFETY: `multiply` has checked the widths; the grids have the rows, padded to
                // whole panels, and no other part has these columns.
                unsafe {
                    let weights = self.weights.as_ptr().add(panel * LANES * inner);
                    multiply::<L>(
                        inner,
                        Rows {
                            first: self.x.as_ptr().add(first_row * self.x_apart),
                            apart: self.x_apart,
                            count,
                        },
                        Panels {
                            first: weights,
                            apart: LANES * inner,
                            step: LANES,
                            count: together,
                        },
                        Target {
                            first: self.to.0.add(first_row * self.to_apart + panel * LANES),
                            apart: self.to_apart,
                            continues: false,
                        },
                        weights.wrapping_add(together * LANES * inner),
                    );
                }
                panel += together;
            }
            first_row += count;
        }
    }
}

/// Memory for weights: in large pages where the system has them, for reading it is bound by finding
/// pages otherwise.
struct Memory {
    start: NonNull<f32>,
    length: usize,
}

// SAFETY: it owns what it points to.
unsafe impl Send for Memory {}
// SAFETY: it is written by its owner alone.
unsafe impl Sync for Memory {}

impl Memory {
    fn layout(length: usize) -> Layout {
        let bytes = length.max(1) * size_of::<f32>();
        let align = if bytes >= LARGE_PAGE { LARGE_PAGE } else { 64 };
        Layout::from_size_align(bytes, align).expect("a matrix fits the address space")
    }

    fn zeros(length: usize) -> Self {
        let layout = Self::layout(length);
        // Not `alloc_zeroed`, which for such an alignment writes it all before the advice.
        // SAFETY: it is not empty.
        let start = unsafe { alloc::alloc(layout) };
        #[allow(clippy::cast_ptr_alignment, reason = "the layout is aligned to at least 64 bytes")]
        let Some(start) = NonNull::new(start.cast::<f32>()) else {
            alloc::handle_alloc_error(layout)
        };
        if layout.align() == LARGE_PAGE {
            advise_large_pages(start, layout.size());
        }
        // SAFETY: there is room for so many.
        unsafe { start.as_ptr().write_bytes(0, length) };
        Self { start, length }
    }

    fn numbers(&self) -> &[f32] {
        // SAFETY: so many have been written.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    fn numbers_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and nobody else has it.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr().cast(), Self::layout(self.length)) };
    }
}

fn advise_large_pages(start: NonNull<f32>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the advice changes nothing but speed. Without large pages it fails, which does no harm.
    let _ = unsafe {
        rustix::mm::madvise(start.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxHugepage)
    };
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 * 1e-3 - 1.0).collect()
    }

    fn grid(rows: usize, width: usize) -> Grid {
        let mut grid = Grid::new(width);
        grid.resize(rows);
        for row in 0..rows {
            grid.row_mut(row).copy_from_slice(&numbers(width, row));
        }
        grid
    }

    #[test]
    fn a_number_is_one_chain_whatever_is_beside_it() {
        let (one, three) = (Pool::new(1).unwrap(), Pool::new(3).unwrap());
        for (columns, inner) in [(1, 1), (16, 8), (40, 33), (259, 96), (700, 130)] {
            let weights = numbers(columns * inner, 5);
            let mut matrix = Matrix::new(columns, inner);
            matrix.set(0, &weights);
            let mut column = vec![0.0; inner];
            matrix.get(columns - 1, &mut column);
            assert_eq!(column, weights[(columns - 1) * inner..]);
            let chain = |x: &[f32], column: usize| {
                let weights = &weights[column * inner..][..inner];
                x.iter().zip(weights).fold(0.0_f32, |sum, (x, w)| x.mul_add(*w, sum))
            };
            let whole = grid(250, inner);
            let expected: Vec<Vec<f32>> = (0..250)
                .map(|row| (0..columns).map(|column| chain(whole.row(row), column)).collect())
                .collect();
            for rows in (1..=26).chain([64, 250]) {
                let x = grid(rows, inner);
                for instructions in Instructions::all() {
                    for pool in [&one, &three] {
                        let mut out = Grid::new(columns);
                        matrix.multiply_by(instructions, &x, &mut out, pool);
                        for (row, expected) in expected.iter().take(rows).enumerate() {
                            assert_eq!(out.row(row), expected, "{rows} rows by {instructions:?}");
                        }
                    }
                }
            }
        }
    }
}
