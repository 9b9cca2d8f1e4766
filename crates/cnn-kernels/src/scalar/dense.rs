//! Dense products in plain loops.

use std::ops::Range;

pub(crate) fn forward(
    n_in: usize,
    n_out: usize,
    batch: &[(&[f32], &[f32])],
    columns: Range<usize>,
    kernel: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    if columns.is_empty() {
        return;
    }
    let mut rows = y.chunks_exact_mut(columns.len());
    for (x, _) in batch {
        let n = x.len().checked_div(n_in).unwrap_or(usize::MAX);
        for (s, y) in rows.by_ref().take(n).enumerate() {
            y.fill(0.0);
            for (x, kernel) in x[s * n_in..][..n_in].iter().zip(kernel.chunks_exact(n_out)) {
                for (y, k) in y.iter_mut().zip(&kernel[columns.clone()]) {
                    *y = x.mul_add(*k, *y);
                }
            }
            for (y, b) in y.iter_mut().zip(bias.iter().skip(columns.start)) {
                *y += b;
            }
        }
    }
}

pub(crate) fn backward_input(
    n_in: usize,
    n_out: usize,
    kernel: &[f32],
    dz: &[f32],
    dx: &mut [f32],
) {
    if n_in == 0 {
        return;
    }
    for (s, dx) in dx.chunks_exact_mut(n_in).enumerate() {
        for (i, dx) in dx.iter_mut().enumerate() {
            *dx = dot(&kernel[i * n_out..][..n_out], &dz[s * n_out..][..n_out]);
        }
    }
}

/// The dot product as 16 partial sums, then in pairs.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        sums[i % 16] = a.mul_add(*b, sums[i % 16]);
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            sums[l] += sums[l + width];
        }
    }
    sums[0]
}

pub(crate) fn backward_kernel(
    n_in: usize,
    n_out: usize,
    batch: &[(&[f32], &[f32])],
    rows: Range<usize>,
    dkernel: &mut [f32],
) {
    if n_out == 0 || n_in == 0 {
        return;
    }
    for (x, dz) in batch {
        for (x, dz) in x.chunks_exact(n_in).zip(dz.chunks_exact(n_out)) {
            for (x, dkernel) in x[rows.clone()].iter().zip(dkernel.chunks_exact_mut(n_out)) {
                for (dk, dz) in dkernel.iter_mut().zip(dz) {
                    *dk = x.mul_add(*dz, *dk);
                }
            }
        }
    }
}

/// `dbias += Σ` of the rows of `dz`, one by one.
#[inline(always)]
pub(crate) fn backward_bias(dz: &[f32], dbias: &mut [f32]) {
    if dbias.is_empty() {
        return;
    }
    for dz in dz.chunks_exact(dbias.len()) {
        for (db, dz) in dbias.iter_mut().zip(dz) {
            *db += dz;
        }
    }
}
