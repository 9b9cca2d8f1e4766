//! Sums in plain loops.

#[inline(always)]
pub(crate) fn add(a: &[f32], b: &[f32], y: &mut [f32]) {
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = a + b;
    }
}

#[inline(always)]
pub(crate) fn add_assign(acc: &mut [f32], x: &[f32]) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc += x;
    }
}

#[inline(always)]
pub(crate) fn sum_f64(x: &[f32]) -> f64 {
    sum_map(x, f64::from)
}

#[inline(always)]
pub(crate) fn sum_squares_f64(x: &[f32]) -> f64 {
    sum_map(x, |x| f64::from(x) * f64::from(x))
}

#[inline(always)]
pub(crate) fn sum_abs_f64(x: &[f32]) -> f64 {
    sum_map(x, |x| f64::from(x.abs()))
}

#[inline(always)]
fn sum_map(x: &[f32], f: impl Fn(f32) -> f64) -> f64 {
    let mut sums = [0.0_f64; 16];
    let (chunks, rest) = x.as_chunks::<16>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += f(*x);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += f(*x);
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            sums[l] += sums[l + width];
        }
    }
    sums[0]
}
