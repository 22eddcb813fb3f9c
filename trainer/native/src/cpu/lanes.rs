//! Sixteen numbers at once, by the instructions that the processor has.
//!
//! Every operation rounds in the same way on every processor: results are equal bit for bit, whichever
//! implementation computes them.

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

#[cfg(target_arch = "x86_64")]
mod x86 {
    #[allow(
        clippy::wildcard_imports,
        reason = "the names of instructions say where they come from"
    )]
    use std::arch::x86_64::*;

    use super::{Lanes, ONE, Work};

    /// One register.
    #[derive(Clone, Copy)]
    pub(super) struct Avx512(__m512);

    /// Two registers.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(__m256, __m256);

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) unsafe fn with_avx512<W: Work>(work: W) -> W::Output {
        // SAFETY: the caller has them.
        unsafe { work.run::<Avx512>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn with_avx2<W: Work>(work: W) -> W::Output {
        // SAFETY: the caller has them.
        unsafe { work.run::<Avx2>() }
    }

    // SAFETY of all that follows: the caller of a function has the instructions, and pointers are to
    // sixteen numbers.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx512 {
        const WIDE: bool = true;
        const TALL: usize = 12;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn multiply_add(self, by: Self, to: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(self.0, by.0, to.0) })
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm512_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            Self(unsafe { _mm512_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            Self(unsafe { _mm512_div_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            Self(unsafe { _mm512_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            Self(unsafe { _mm512_min_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn power_of_two(self) -> Self {
            unsafe {
                let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
                Self(_mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(ONE))))
            }
        }
        #[inline(always)]
        unsafe fn zero_under(self, x: Self, limit: Self) -> Self {
            unsafe {
                let kept = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x.0, limit.0);
                Self(_mm512_maskz_mov_ps(kept, self.0))
            }
        }
    }

    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx2 {
        const WIDE: bool = false;
        const TALL: usize = 6;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            let half = unsafe { _mm256_set1_ps(value) };
            Self(half, half)
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe {
                _mm256_storeu_ps(to, self.0);
                _mm256_storeu_ps(to.add(8), self.1);
            }
        }
        #[inline(always)]
        unsafe fn multiply_add(self, by: Self, to: Self) -> Self {
            unsafe {
                let (a, b) =
                    (_mm256_fmadd_ps(self.0, by.0, to.0), _mm256_fmadd_ps(self.1, by.1, to.1));
                Self(a, b)
            }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            unsafe { Self(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            unsafe { Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            unsafe { Self(_mm256_min_ps(self.0, other.0), _mm256_min_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn power_of_two(self) -> Self {
            let of = |half: __m256| unsafe {
                let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(half));
                _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(ONE)))
            };
            Self(of(self.0), of(self.1))
        }
        #[inline(always)]
        unsafe fn zero_under(self, x: Self, limit: Self) -> Self {
            let of = |half: __m256, x: __m256, limit: __m256| unsafe {
                _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLT_UQ>(x, limit), half)
            };
            Self(of(self.0, x.0, limit.0), of(self.1, x.1, limit.1))
        }
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
