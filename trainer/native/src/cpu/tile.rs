//! The one product that everything is made of: some rows times some panels of sixteen columns.
//!
//! Each number of the result is one chain of fused multiply-adds in the order of the inner dimension,
//! however many rows and panels there are beside it: a row's result does not depend on its neighbours.

use super::lanes::{LANES, Lanes};

/// Rows of f32 that lie `apart` numbers from each other.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) first: *const f32,
    pub(super) apart: usize,
    pub(super) count: usize,
}

/// Where results go, as [`Rows`].
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) first: *mut f32,
    pub(super) apart: usize,
    /// Whether the chains go on from what is there.
    pub(super) continues: bool,
}

/// Panels of sixteen columns.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    pub(super) first: *const f32,
    /// Numbers from a panel to the next.
    pub(super) apart: usize,
    /// Numbers from sixteen columns to the same columns of the next inner index.
    pub(super) step: usize,
    pub(super) count: usize,
}

/// Multiplies rows by panels over `inner` numbers. While it computes, what will be needed next is
/// brought nearer: from `next` on, if it is not null.
///
/// # Safety
///
/// Rows, panels and target have all that their numbers say, `next` may point anywhere, and the
/// processor has what `L` needs.
#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes>(
    inner: usize,
    rows: Rows,
    panels: Panels,
    target: Target,
    next: *const f32,
) {
    let wide = L::WIDE && panels.count == 4;
    let tall = if wide { 6 } else { L::TALL };
    let tiles = rows.count.div_ceil(tall);
    let mut done = 0;
    for tile in 0..tiles {
        let count = (rows.count - done).div_ceil(tiles - tile);
        let next = next.wrapping_add(tile * inner * LANES * panels.count / tiles);
        // SAFETY: the tile is inside of what there is.
        unsafe {
            let x = rows.first.add(done * rows.apart);
            let mut to = Target { first: target.first.add(done * target.apart), ..target };
            if wide {
                by_rows::<L, 4>(count, inner, (x, rows.apart), panels, to, next);
            } else {
                let mut of = panels;
                for _ in 0..panels.count {
                    by_rows::<L, 1>(count, inner, (x, rows.apart), of, to, next);
                    of.first = of.first.wrapping_add(panels.apart);
                    to.first = to.first.wrapping_add(LANES);
                }
            }
        }
        done += count;
    }
}

#[inline(always)]
unsafe fn by_rows<L: Lanes, const P: usize>(
    count: usize,
    inner: usize,
    x: (*const f32, usize),
    panels: Panels,
    target: Target,
    next: *const f32,
) {
    macro_rules! of {
        ($($rows:literal)*) => {
            match count {
                // SAFETY: the caller's.
                $($rows => unsafe { tile::<L, $rows, P>(inner, x, panels, target, next) },)*
                _ => unreachable!("a tile has at most twelve rows"),
            }
        };
    }
    if P == 4 {
        of!(1 2 3 4 5 6);
    } else {
        of!(1 2 3 4 5 6 7 8 9 10 11 12);
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const P: usize>(
    inner: usize,
    (x, x_apart): (*const f32, usize),
    panels: Panels,
    target: Target,
    next: *const f32,
) {
    // SAFETY: the caller's; a prefetch may be of any address.
    unsafe {
        let mut sums = [[L::splat(0.0); P]; R];
        if target.continues {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(target.first.add(r * target.apart + p * LANES));
                }
            }
        }
        for k in 0..inner {
            let mut weights = [L::splat(0.0); P];
            for (p, weights) in weights.iter_mut().enumerate() {
                *weights = L::load(panels.first.add(p * panels.apart + k * panels.step));
            }
            prefetch(next.wrapping_add(k * LANES));
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = L::splat(*x.add(r * x_apart + k));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = x.multiply_add(weights, *sum);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (p, sum) in sums.into_iter().enumerate() {
                sum.store(target.first.add(r * target.apart + p * LANES));
            }
        }
    }
}

#[inline(always)]
fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address does no harm; every x86-64 has it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
