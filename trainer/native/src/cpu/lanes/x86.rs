//! Sixteen numbers in the registers of x86-64: one of AVX-512, or two of AVX2.

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
            let (a, b) = (_mm256_fmadd_ps(self.0, by.0, to.0), _mm256_fmadd_ps(self.1, by.1, to.1));
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
