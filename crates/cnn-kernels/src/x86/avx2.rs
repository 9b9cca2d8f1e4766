//! AVX2 with FMA: 8 lanes, 16 registers.

use std::arch::x86_64::*;

use super::kernels;
use crate::simd::Simd;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

/// Any 8 words of it, starting at `8 − n`, are a mask of the first `n` lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The mask of the first `n` lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn first(n: usize) -> __m256i {
    let words = &MASKS[8 - n..][..8];
    // SAFETY: `words` has 8 words.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
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

impl Simd for Avx2 {
    type V = __m256;
    type M = __m256;
    type W = [__m256; 2];
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    operations! {
        fn splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        fn fma(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        fn add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        fn max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        fn gt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_GT_OQ>(a, b);
        fn eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        fn bits(m: __m256) -> u32 = _mm256_movemask_ps(m) as u32;
        fn select(m: __m256, yes: __m256, no: __m256) -> __m256 = _mm256_blendv_ps(no, yes, m);
        fn zero16() -> [__m256; 2] = [_mm256_setzero_ps(); 2];
        fn fma16(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] =
            [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])];
        fn sums16(v: [[__m256; 2]; 4]) -> [f32; 4] = sums_of_8(add_halves(v));
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from = &from[..8];
        // SAFETY: `self` proves the instructions; `from` has 8 numbers.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m256 {
        // SAFETY: `self` proves the instructions; only the first `from.len()` lanes are read, at most 8.
        unsafe { _mm256_maskload_ps(from.as_ptr(), first(from.len())) }
    }

    #[inline(always)]
    fn store(self, v: __m256, to: &mut [f32]) {
        let to = &mut to[..8];
        // SAFETY: `self` proves the instructions; `to` has 8 numbers.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) };
    }

    #[inline(always)]
    fn store_part(self, v: __m256, to: &mut [f32]) {
        // SAFETY: `self` proves the instructions; only the first `to.len()` lanes are written, at most 8.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), first(to.len()), v) };
    }

    #[inline(always)]
    fn load_u16(self, from: &[u16]) -> __m256 {
        let from = &from[..8];
        // SAFETY: `self` proves the instructions; `from` has 8 numbers of 16 bits.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store_u16(self, v: __m256, to: &mut [u16]) {
        let to = &mut to[..8];
        // SAFETY: `self` proves the instructions; `to` has 8 numbers of 16 bits.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), narrow(_mm256_cvttps_epi32(v))) };
    }

    #[inline(always)]
    fn load16(self, from: &[f32; 16]) -> [__m256; 2] {
        [self.load(&from[..8]), self.load(&from[8..])]
    }

    #[inline(always)]
    fn load16_part(self, from: &[f32]) -> [__m256; 2] {
        let (low, high) = from.split_at(from.len().min(8));
        [self.load_part(low), self.load_part(high)]
    }
}

/// Eight words of 32 bits, each below 65,536, as 16 bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn narrow(v: __m256i) -> __m128i {
    _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_halves(v: [[__m256; 2]; 4]) -> [__m256; 4] {
    v.map(|[low, high]| _mm256_add_ps(low, high))
}

/// For each of four registers: the sum of its 8 lanes in pairs, `l` and `l + 4`, then `l + 2`, `l + 1`.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn sums_of_8(v: [__m256; 4]) -> [f32; 4] {
    let [a, b, c, d] =
        v.map(|v| _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v)));
    // l and l + 2, of two registers at once
    let ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
    let cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
    // l and l + 1, of all four
    let sums = _mm_add_ps(
        _mm_shuffle_ps::<0b10_00_10_00>(ab, cd),
        _mm_shuffle_ps::<0b11_01_11_01>(ab, cd),
    );
    let mut out = [0.0; 4];
    // SAFETY: `out` has 4 numbers.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
    out
}

kernels!(Avx2, "avx2,fma");
