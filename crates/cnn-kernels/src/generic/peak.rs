//! Multiply-adds on registers alone.

use std::array::from_fn;
use std::hint::black_box;

use crate::simd::Simd;

#[inline(always)]
pub(crate) fn multiply_adds<S: Simd>(s: S, rounds: usize) -> (u64, f32) {
    if S::REGISTERS >= 32 { sums::<S, 24>(s, rounds) } else { sums::<S, 12>(s, rounds) }
}

#[inline(always)]
fn sums<S: Simd, const N: usize>(s: S, rounds: usize) -> (u64, f32) {
    let (scale, step) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
    let mut sums: [S::V; N] = from_fn(|i| s.splat(i as f32));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = s.fma(*sum, scale, step);
        }
    }
    let mut total = s.splat(0.0);
    for sum in sums {
        total = s.add(total, sum);
    }
    let mut lanes = [0.0; 16];
    s.store(total, &mut lanes);
    ((rounds * N * S::LANES) as u64, lanes[0])
}
