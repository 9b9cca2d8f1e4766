//! What the vectorised kernels need of an instruction set: a handful of operations on a register of `f32` lanes.
//!
//! The kernels in `generic/` are written once over this trait; `x86/` implements it with intrinsics and
//! instantiates them. A value of an implementing type proves that the processor has the instructions.

/// A set of vector instructions.
pub(crate) trait Simd: Copy {
    /// One register of [`Self::LANES`] numbers.
    type V: Copy;
    /// One truth value for each lane.
    type M: Copy;
    /// Sixteen numbers, in as many registers as that takes.
    type W: Copy;
    /// Lanes of a register.
    const LANES: usize;
    /// How many there are.
    const REGISTERS: usize;

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// The first `LANES` numbers of `from`, which must have that many.
    fn load(self, from: &[f32]) -> Self::V;
    /// All of `from`, at most `LANES` numbers; the other lanes are zero.
    fn load_part(self, from: &[f32]) -> Self::V;
    /// To the first `LANES` numbers of `to`, which must have that many.
    fn store(self, v: Self::V, to: &mut [f32]);
    /// To all of `to`, at most `LANES` numbers.
    fn store_part(self, v: Self::V, to: &mut [f32]);
    /// `a·b + c` with one rounding.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`, so `b` where either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a > b`, false for NaN.
    fn gt(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a == b`, false for NaN.
    fn eq(self, a: Self::V, b: Self::V) -> Self::M;
    /// The truth values as bits, lane 0 the lowest.
    fn bits(self, m: Self::M) -> u32;
    /// `yes` where `m`, else `no`.
    fn select(self, m: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// The first `LANES` numbers of `from`, as `f32`.
    fn load_u16(self, from: &[u16]) -> Self::V;
    /// Whole numbers below 65,536, to the first `LANES` places of `to`.
    fn store_u16(self, v: Self::V, to: &mut [u16]);

    /// Sixteen zeros.
    fn zero16(self) -> Self::W;
    /// Sixteen numbers.
    fn load16(self, from: &[f32; 16]) -> Self::W;
    /// All of `from`, at most sixteen numbers; the others are zero.
    fn load16_part(self, from: &[f32]) -> Self::W;
    /// `a·b + c` with one rounding, sixteen times.
    fn fma16(self, a: Self::W, b: Self::W, c: Self::W) -> Self::W;
    /// For each of four: the sum of its 16 numbers in pairs, `l` and `l + 8`, then `l + 4`, `l + 2`, `l + 1`.
    fn sums16(self, v: [Self::W; 4]) -> [f32; 4];
    /// The same for four times four.
    #[inline(always)]
    fn sums16x4(self, v: &[[Self::W; 4]; 4]) -> [[f32; 4]; 4] {
        [self.sums16(v[0]), self.sums16(v[1]), self.sums16(v[2]), self.sums16(v[3])]
    }
}
