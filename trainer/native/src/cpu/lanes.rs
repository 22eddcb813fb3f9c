//! Sixteen numbers at once, by the instructions that the processor has.
//!
//! Every operation rounds in the same way on every processor: results are equal bit for bit, whichever
//! implementation computes them.

#[cfg(target_arch = "x86_64")]
mod x86;

/// Numbers in a vector, and columns in a panel of a matrix.
pub const LANES: usize = 16;

/// Sixteen f32.
///
/// # Safety
///
/// Its functions need the processor's features of the implementation; pointers are to sixteen numbers.
pub(super) trait Lanes: Copy {
    /// Whether four panels fit the registers beside six rows.
    const WIDE: bool;
    /// Most rows of one panel that are computed together.
    const TALL: usize;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// `self * by + to`, rounded once.
    unsafe fn multiply_add(self, by: Self, to: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// The larger one; `other` where one is not a number.
    unsafe fn max(self, other: Self) -> Self;
    /// The smaller one; `other` where one is not a number.
    unsafe fn min(self, other: Self) -> Self;
    /// 2^n, where `self` is n plus [`ROUND`].
    unsafe fn power_of_two(self) -> Self;
    /// `self`, but 0 where `x` is under `limit`.
    unsafe fn zero_under(self, x: Self, limit: Self) -> Self;

    /// The sum of all, always in the same order.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut all = [0.0; LANES];
        // SAFETY: there is room for sixteen numbers.
        unsafe { self.store(all.as_mut_ptr()) };
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                all[lane] += all[lane + half];
            }
            half /= 2;
        }
        all[0]
    }

    /// e^self, with an error of about 1 in the last place; 0 under -87.
    #[inline(always)]
    unsafe fn exp(self) -> Self {
        // SAFETY: the caller has the instructions.
        unsafe {
            let low = Self::splat(-87.0);
            let x = Self::splat(88.0).min(low.max(self));
            let rounded = x.multiply_add(Self::splat(std::f32::consts::LOG2_E), Self::splat(ROUND));
            let n = rounded.sub(Self::splat(ROUND));
            // ln 2 in two parts: n times the first is exact.
            let r = n.multiply_add(Self::splat(-0.693_359_4), x);
            let r = n.multiply_add(Self::splat(2.121_944_4e-4), r);
            let mut p = Self::splat(1.987_569_1e-4);
            for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5, 1.0, 1.0] {
                p = p.multiply_add(r, Self::splat(c));
            }
            p.mul(rounded.power_of_two()).zero_under(self, low)
        }
    }
}

/// Adding it rounds a number under 2^22 to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// The bits of 1.0.
const ONE: i32 = 0x3f80_0000;

/// What is done with some kind of lanes.
pub(super) trait Work {
    type Output;
    /// # Safety
    ///
    /// The processor has what `L` needs.
    unsafe fn run<L: Lanes>(self) -> Self::Output;
}

/// Instructions for sixteen numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

impl Instructions {
    /// All that this processor has, the fastest first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
        }
        all.push(Self::Plain);
        all
    }

    /// The fastest.
    pub(super) fn best() -> Self {
        static BEST: std::sync::OnceLock<Instructions> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Self::all()[0])
    }

    /// Runs `work` with these instructions, which the processor must have: see [`Self::all`].
    #[inline]
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: values other than `Plain` come from `all` alone, which asks the processor.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => x86::with_avx512(work),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => x86::with_avx2(work),
                Self::Plain => work.run::<Plain>(),
            }
        }
    }
}

/// Without special instructions.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn with(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }
}

impl Lanes for Plain {
    const WIDE: bool = false;
    const TALL: usize = 6;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: there are sixteen numbers.
        Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: there is room for sixteen numbers.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, to: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].mul_add(by.0[lane], to.0[lane])))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        let of = |x: f32| f32::from_bits((x.to_bits() << 23).wrapping_add(ONE.cast_unsigned()));
        Self(self.0.map(of))
    }
    #[inline(always)]
    unsafe fn zero_under(self, x: Self, limit: Self) -> Self {
        let of = |lane: usize| if x.0[lane] < limit.0[lane] { 0.0 } else { self.0[lane] };
        Self(std::array::from_fn(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exp([f32; LANES]);

    impl Work for Exp {
        type Output = [f32; LANES];
        #[inline(always)]
        unsafe fn run<L: Lanes>(mut self) -> [f32; LANES] {
            // SAFETY: both are to sixteen numbers.
            unsafe { L::load(self.0.as_ptr()).exp().store(self.0.as_mut_ptr()) };
            self.0
        }
    }

    #[test]
    fn exp_is_exact_to_the_last_place_or_two_and_the_same_on_all_instructions() {
        for step in 0..20_000 {
            let x: [f32; LANES] =
                std::array::from_fn(|lane| (step * 16 + lane) as f32 * 5.4e-4 - 86.9);
            let plain = Instructions::Plain.run(Exp(x));
            for (x, e) in x.iter().zip(plain) {
                let exact = f64::from(*x).exp();
                assert!((f64::from(e) / exact - 1.0).abs() < 2.0e-7, "e^{x} is {e}, not {exact}");
            }
            for other in Instructions::all() {
                assert_eq!(other.run(Exp(x)), plain, "{other:?}");
            }
        }
        let mut edges = [f32::NEG_INFINITY; LANES];
        (edges[1], edges[2], edges[3]) = (f32::NAN, 0.0, -88.0);
        for instructions in Instructions::all() {
            let e = instructions.run(Exp(edges));
            assert!(e[0] == 0.0 && e[1].is_nan() && e[2] == 1.0 && e[3] == 0.0, "{e:?}");
        }
    }
}
