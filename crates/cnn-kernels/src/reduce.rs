//! Sums.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// `y = a + b`, element by element. Overwrites `y`.
pub fn add(isa: Isa, a: &[f32], b: &[f32], y: &mut [f32]) {
    assert!(a.len() == b.len() && a.len() == y.len(), "add: lengths differ");
    dispatch!(isa, add(a, b, y), scalar::reduce::add);
}

/// `acc += x`, element by element.
pub fn add_assign(isa: Isa, acc: &mut [f32], x: &[f32]) {
    assert_eq!(acc.len(), x.len(), "add_assign: lengths differ");
    dispatch!(isa, add_assign(acc, x), scalar::reduce::add_assign);
}

/// The sum of `x` in f64, as 16 partial sums of the elements with equal remainder by 16, added in pairs.
pub fn sum_f64(isa: Isa, x: &[f32]) -> f64 {
    dispatch!(isa, sum_f64(x), scalar::reduce::sum_f64)
}

/// The sum of the absolute values of `x` in f64, in the order of [`sum_f64`].
pub fn sum_abs_f64(isa: Isa, x: &[f32]) -> f64 {
    dispatch!(isa, sum_abs_f64(x), scalar::reduce::sum_abs_f64)
}

/// The sum of the squares of `x` in f64, in the order of [`sum_f64`].
pub fn sum_squares_f64(isa: Isa, x: &[f32]) -> f64 {
    dispatch!(isa, sum_squares_f64(x), scalar::reduce::sum_squares_f64)
}
