//! Rows of f32.

use super::lanes::LANES;
use super::pool::Pool;

/// Rows that one thread takes at once.
const ROWS: usize = 16;

/// Rows of one width, each padded to whole panels.
#[derive(Debug, Default)]
pub struct Grid {
    numbers: Vec<f32>,
    width: usize,
    rows: usize,
}

impl Grid {
    /// Rows of this width; none yet.
    pub fn new(width: usize) -> Self {
        Self { numbers: Vec::new(), width, rows: 0 }
    }

    /// Sets the number of rows. Their contents are unspecified afterwards.
    pub fn resize(&mut self, rows: usize) {
        self.rows = rows;
        let needed = rows * self.apart();
        if self.numbers.len() < needed {
            self.numbers.resize(needed, 0.0);
        }
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// A row.
    ///
    /// # Panics
    ///
    /// If there are not so many rows.
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows, "there are {} rows", self.rows);
        &self.numbers[row * self.apart()..][..self.width]
    }

    /// A row.
    ///
    /// # Panics
    ///
    /// If there are not so many rows.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "there are {} rows", self.rows);
        let (start, width) = (row * self.apart(), self.width);
        &mut self.numbers[start..][..width]
    }

    /// All rows, padding included; [`Self::apart`] apart.
    pub fn numbers(&self) -> &[f32] {
        &self.numbers[..self.rows * self.apart()]
    }

    /// All rows.
    pub fn numbers_mut(&mut self) -> &mut [f32] {
        let apart = self.apart();
        &mut self.numbers[..self.rows * apart]
    }

    /// Runs `work` for each row and its number, in any order.
    pub fn for_each_row(&mut self, pool: &Pool, work: impl Fn(usize, &mut [f32]) + Send + Sync) {
        let (apart, width) = (self.apart(), self.width);
        let mut blocks: Vec<&mut [f32]> = self.numbers_mut().chunks_mut(apart * ROWS).collect();
        pool.for_each_mut(&mut blocks, |block, numbers| {
            for (row, numbers) in numbers.chunks_exact_mut(apart).enumerate() {
                work(block * ROWS + row, &mut numbers[..width]);
            }
        });
    }

    /// Numbers from a row to the next.
    pub fn apart(&self) -> usize {
        self.width.next_multiple_of(LANES)
    }
}
