//! AVX-512: 16 lanes, 32 registers, masks for the last part of a row.

use std::arch::x86_64::*;

use super::kernels;
use crate::simd::Simd;

/// Proof that the processor has AVX-512F, AVX2 and FMA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then_some(Avx512(()))
    }
}

/// The mask of the first `n` lanes.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    debug_assert!(n <= 16);
    (0xFFFF_u32 >> (16 - n.min(16))) as __mmask16
}

/// Methods whose only precondition is that the processor has the instructions.
macro_rules! operations {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $type),*) -> $result {
            // SAFETY: `self` proves that the processor has the instructions; these read and write no memory.
            unsafe { $body }
        }
    )*};
}

impl Simd for Avx512 {
    type V = __m512;
    type M = __mmask16;
    type W = __m512;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    operations! {
        fn splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fn add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        fn max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        fn gt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b);
        fn eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        fn select(m: __mmask16, yes: __m512, no: __m512) -> __m512 = _mm512_mask_blend_ps(m, no, yes);
        fn zero16() -> __m512 = _mm512_setzero_ps();
        fn fma16(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fn sums16(v: [__m512; 4]) -> [f32; 4] = sums(v);
    }

    #[inline(always)]
    fn bits(self, m: __mmask16) -> u32 {
        u32::from(m)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from = &from[..16];
        // SAFETY: `self` proves the instructions; `from` has 16 numbers.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m512 {
        // SAFETY: `self` proves the instructions; only the first `from.len()` lanes are read, at most 16.
        unsafe { _mm512_maskz_loadu_ps(first(from.len()), from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, v: __m512, to: &mut [f32]) {
        let to = &mut to[..16];
        // SAFETY: `self` proves the instructions; `to` has 16 numbers.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) };
    }

    #[inline(always)]
    fn store_part(self, v: __m512, to: &mut [f32]) {
        // SAFETY: `self` proves the instructions; only the first `to.len()` lanes are written, at most 16.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first(to.len()), v) };
    }

    #[inline(always)]
    fn load_u16(self, from: &[u16]) -> __m512 {
        let from = &from[..16];
        // SAFETY: `self` proves the instructions; `from` has 16 numbers of 16 bits.
        unsafe {
            _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(from.as_ptr().cast())))
        }
    }

    #[inline(always)]
    fn store_u16(self, v: __m512, to: &mut [u16]) {
        let to = &mut to[..16];
        // SAFETY: `self` proves the instructions; `to` has 16 numbers of 16 bits.
        unsafe {
            _mm256_storeu_si256(
                to.as_mut_ptr().cast(),
                _mm512_cvtepi32_epi16(_mm512_cvttps_epi32(v)),
            );
        };
    }

    #[inline(always)]
    fn load16(self, from: &[f32; 16]) -> __m512 {
        self.load(from)
    }

    #[inline(always)]
    fn load16_part(self, from: &[f32]) -> __m512 {
        self.load_part(from)
    }

    #[inline(always)]
    fn sums16x4(self, v: &[[__m512; 4]; 4]) -> [[f32; 4]; 4] {
        let mut sums = [0.0; 16];
        // SAFETY: `self` proves the instructions.
        self.store(unsafe { sums_of_16(v) }, &mut sums);
        let (four, _) = sums.as_chunks::<4>();
        [four[0], four[1], four[2], four[3]]
    }
}

/// Sums of four registers at once: each step halves the width and packs two registers into one.
#[inline]
#[target_feature(enable = "avx512f,avx2,fma")]
fn sums(v: [__m512; 4]) -> [f32; 4] {
    let halves = v.map(|v| {
        let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
        _mm256_add_ps(_mm512_castps512_ps256(v), high)
    });
    super::avx2::sums_of_8(halves)
}

/// The sums of sixteen registers: in each step two registers become one of half as many numbers of each, so that no lane is
/// added in vain.
#[inline]
#[target_feature(enable = "avx512f,avx2,fma")]
fn sums_of_16(v: &[[__m512; 4]; 4]) -> __m512 {
    // Numbers l and l + 8 of the two, then l + 4 of four, by whole quarters of a register.
    let eighths = |a, b| {
        let low = _mm512_shuffle_f32x4::<0b01_00_01_00>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b))
    };
    let quarters = |a, b| {
        let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b))
    };
    // Then l + 2 and l + 1 within the quarters, each of which belongs to one c.
    let pairs = |a, b| {
        let low = _mm512_shuffle_ps::<0b01_00_01_00>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_ps::<0b11_10_11_10>(a, b))
    };
    let singles = |a, b| {
        let low = _mm512_shuffle_ps::<0b10_00_10_00>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_ps::<0b11_01_11_01>(a, b))
    };
    let of = |r: usize| quarters(eighths(v[0][r], v[1][r]), eighths(v[2][r], v[3][r]));
    singles(pairs(of(0), of(1)), pairs(of(2), of(3)))
}

kernels!(Avx512, "avx512f,avx2,fma");
