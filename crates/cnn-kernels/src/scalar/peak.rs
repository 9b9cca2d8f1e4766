//! Multiply-adds in a plain loop.

use std::hint::black_box;

/// Sums at once.
const SUMS: usize = 8;

pub(crate) fn multiply_adds(rounds: usize) -> (u64, f32) {
    let (scale, step) = (black_box(0.999_f32), black_box(0.001));
    let mut sums: [f32; SUMS] = std::array::from_fn(|i| i as f32);
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.mul_add(scale, step);
        }
    }
    ((rounds * SUMS) as u64, sums.iter().sum())
}
