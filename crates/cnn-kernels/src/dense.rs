//! The dense product `y = x · kernel + bias` and its gradients.
//!
//! `n` rows `x` of `n_in` numbers, kernel `[n_in, n_out]`, output `n × n_out`. Source: Keras `Dense`.

use std::ops::Range;

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// `y[s, o] = Σ_i x[s, i] · kernel[i, o] + bias[o]`, in this order. Overwrites `y`.
///
/// `x` `n·n_in`, `kernel` `n_in·n_out`, `bias` `n_out` or empty for none, `y` `n·n_out`.
pub fn forward(
    isa: Isa,
    n_in: usize,
    n_out: usize,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    samples(n_in, n_out, x, y);
    forward_columns(isa, n_in, n_out, &[(x, &[])], 0..n_out, kernel, bias, y);
}

/// As [`forward`], to the same bits, for a whole batch and the outputs `columns` alone: what threads share out where the
/// kernel is so large that each should read a part of it once.
///
/// `batch` holds for each shard its `x` (`n·n_in`); the second part of each pair is not read. `y` has the columns of all
/// samples, a row of `columns.len()` for each.
pub fn forward_columns(
    isa: Isa,
    n_in: usize,
    n_out: usize,
    batch: &[(&[f32], &[f32])],
    columns: Range<usize>,
    kernel: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    assert!(
        columns.start <= columns.end && columns.end <= n_out,
        "dense: columns {columns:?} of {n_out}"
    );
    if n_in > 0 {
        let numbers: usize = batch.iter().map(|(x, _)| x.len()).sum();
        assert_eq!(y.len() * n_in, numbers * columns.len(), "dense: output length");
        assert!(
            batch.iter().all(|(x, _)| x.len().is_multiple_of(n_in)),
            "dense: input is not whole rows of {n_in}"
        );
    }
    assert_eq!(kernel.len(), n_in * n_out, "dense: kernel length of {n_in} x {n_out}");
    assert!(
        bias.is_empty() || bias.len() == n_out,
        "dense: bias has length {}, expected 0 or {n_out}",
        bias.len()
    );
    dispatch!(
        isa,
        dense_forward(n_in, n_out, batch, columns, kernel, bias, y),
        scalar::dense::forward
    );
}

/// The gradient with respect to the input, `dx[s, i] = Σ_o dz[s, o] · kernel[i, o]`. Overwrites `dx`.
///
/// `kernel` `n_in·n_out`, `dz` `n·n_out`, `dx` `n·n_in`. The sum is taken as 16 partial sums, of the `o` with equal
/// remainder by 16, which are then added in pairs (`l` and `l + 8`, `l + 4`, `l + 2`, `l + 1`).
pub fn backward_input(
    isa: Isa,
    n_in: usize,
    n_out: usize,
    kernel: &[f32],
    dz: &[f32],
    dx: &mut [f32],
) {
    samples(n_in, n_out, dx, dz);
    assert_eq!(kernel.len(), n_in * n_out, "dense: kernel length of {n_in} x {n_out}");
    dispatch!(
        isa,
        dense_backward_input(n_in, n_out, kernel, dz, dx),
        scalar::dense::backward_input
    );
}

/// The gradient with respect to rows `rows` of the kernel, **added** to `dkernel`: `dkernel[i, o] += Σ_s x[s, i] · dz[s, o]`,
/// in the order of the shards and of the samples in them.
///
/// `batch` holds for each shard its `x` (`n·n_in`) and `dz` (`n·n_out`); `dkernel` is those rows only, `rows.len()·n_out`.
pub fn backward_kernel(
    isa: Isa,
    n_in: usize,
    n_out: usize,
    batch: &[(&[f32], &[f32])],
    rows: Range<usize>,
    dkernel: &mut [f32],
) {
    assert!(rows.start <= rows.end && rows.end <= n_in, "dense: rows {rows:?} of {n_in}");
    assert_eq!(dkernel.len(), rows.len() * n_out, "dense: gradient length of {rows:?} x {n_out}");
    for (x, dz) in batch {
        samples(n_in, n_out, x, dz);
    }
    dispatch!(
        isa,
        dense_backward_kernel(n_in, n_out, batch, rows, dkernel),
        scalar::dense::backward_kernel
    );
}

/// The gradient with respect to the bias, **added** to `dbias` (`n_out`): `dbias[o] += Σ_s dz[s, o]`, in the order of the
/// shards and of the samples in them. Only the second part of each pair of `batch` is read.
pub fn backward_bias(isa: Isa, n_out: usize, batch: &[(&[f32], &[f32])], dbias: &mut [f32]) {
    assert_eq!(dbias.len(), n_out, "dense: bias gradient length");
    for (_, dz) in batch {
        assert_eq!(
            dz.len().checked_rem(n_out).unwrap_or(0),
            0,
            "dense: gradient is not whole rows of {n_out}"
        );
        dispatch!(isa, backward_bias(dz, dbias), scalar::dense::backward_bias);
    }
}

fn samples(n_in: usize, n_out: usize, x: &[f32], y: &[f32]) {
    let n = y.len().checked_div(n_out).or(x.len().checked_div(n_in)).unwrap_or(0);
    assert_eq!(x.len(), n * n_in, "dense: input length for {n} rows of {n_in}");
    assert_eq!(y.len(), n * n_out, "dense: output length for {n} rows of {n_out}");
}
