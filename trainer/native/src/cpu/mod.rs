//! Products of f32 on the processor, for sampling: few rows, weights that are laid out once.
//!
//! Results do not depend on the rows beside a row, on the number of threads, or on the instructions that
//! the processor has: each number is one chain of fused multiply-adds in one order (`tile`).

// A function compiles to the processor's instructions only where it is inlined into one that names them.
#![allow(clippy::inline_always)]
// Counts of numbers become f32, and tests compare bits.
#![allow(clippy::cast_precision_loss)]
#![cfg_attr(test, allow(clippy::float_cmp))]

mod attend;
mod grid;
mod lanes;
mod logits;
mod matrix;
mod page;
mod pool;
mod rows;
mod tile;

pub use attend::{Attention, Query, attend};
pub use grid::Grid;
pub use logits::Logits;
pub use matrix::Matrix;
pub use page::{Page, PageShape};
pub use pool::Pool;
pub use rows::{Gate, add, gate, normalise, rotate, scale};
