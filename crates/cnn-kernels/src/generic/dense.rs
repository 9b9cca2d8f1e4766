//! Dense products and their gradients.

use std::ops::Range;

use super::tile::{Loop, Start, Sum};
use crate::simd::Simd;

/// Rows of the kernel that are summed before the next ones: their part of two registers of columns stays in the first-level
/// cache while all samples pass over it, even where a row of the kernel is so long that they share a few of its places.
const BLOCK: usize = 64;

/// Points are samples, columns are outputs.
#[inline(always)]
pub(crate) fn forward<S: Simd>(
    s: S,
    n_in: usize,
    n_out: usize,
    batch: &[(&[f32], &[f32])],
    columns: Range<usize>,
    kernel: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    let width = columns.len();
    if width == 0 {
        return;
    }
    let bias = if bias.is_empty() { bias } else { &bias[columns.clone()] };
    let mut begin = 0;
    loop {
        let end = (begin + BLOCK).min(n_in);
        let mut first = 0;
        for (x, _) in batch {
            let n = x.len().checked_div(n_in).unwrap_or(y.len() / width - first);
            let sum = Sum {
                parts: &[(x, kernel)],
                k: begin * n_out + columns.start,
                loops: [Loop::ONCE, Loop::ONCE, Loop { count: end - begin, x: 1, k: n_out }],
                start: if begin == 0 { Start::Zero } else { Start::Sum },
                bias: if end == n_in { bias } else { &[] },
                relu: false,
            };
            let place = |sample| (sample * n_in + begin, (first + sample) * width);
            if n == 1 {
                sum.sweep_one(s, 0..width, place(0), y);
            } else {
                sum.sweep(s, 0..width, n, &(0..n).map(place), y);
            }
            first += n;
        }
        if end == n_in {
            return;
        }
        begin = end;
    }
}

/// Points are rows of the kernel, columns are outputs: the sums stay in registers over the whole batch.
#[inline(always)]
pub(crate) fn backward_kernel<S: Simd>(
    s: S,
    n_in: usize,
    n_out: usize,
    batch: &[(&[f32], &[f32])],
    rows: Range<usize>,
    dkernel: &mut [f32],
) {
    if n_in == 0 || n_out == 0 {
        return;
    }
    // Shards of one length, as all but the last of a batch are, share the loop over samples.
    let mut rest = batch;
    while let Some((x, _)) = rest.first() {
        let alike = rest.iter().take_while(|(other, _)| other.len() == x.len()).count();
        let (parts, after) = rest.split_at(alike);
        let samples = Loop { count: x.len() / n_in, x: n_in, k: n_out };
        let sum = Sum {
            parts,
            k: 0,
            loops: [Loop::ONCE, Loop::ONCE, samples],
            start: Start::Sum,
            bias: &[],
            relu: false,
        };
        let places = rows.clone().zip((0..).step_by(n_out));
        sum.sweep(s, 0..n_out, rows.len(), &places, dkernel);
        rest = after;
    }
}

/// Dot products of rows of the kernel with rows of `dz`, four by four.
#[inline(always)]
pub(crate) fn backward_input<S: Simd>(
    s: S,
    n_in: usize,
    n_out: usize,
    kernel: &[f32],
    dz: &[f32],
    dx: &mut [f32],
) {
    let n = dx.len().checked_div(n_in).unwrap_or(0);
    let mut i = 0;
    while i < n_in {
        let rows = if n_in - i >= 4 { 4 } else { 1 };
        let mut sample = 0;
        while sample < n {
            let samples = if n - sample >= 4 { 4 } else { 1 };
            match (rows, samples) {
                (4, 4) => dots::<S, 4, 4>(s, n_in, n_out, kernel, dz, dx, i, sample),
                (4, _) => dots::<S, 4, 1>(s, n_in, n_out, kernel, dz, dx, i, sample),
                (_, 4) => dots::<S, 1, 4>(s, n_in, n_out, kernel, dz, dx, i, sample),
                _ => dots::<S, 1, 1>(s, n_in, n_out, kernel, dz, dx, i, sample),
            }
            sample += samples;
        }
        i += rows;
    }
}

/// `R` rows of the kernel from `i` times `C` samples from `sample`.
#[inline(always)]
fn dots<S: Simd, const R: usize, const C: usize>(
    s: S,
    n_in: usize,
    n_out: usize,
    kernel: &[f32],
    dz: &[f32],
    dx: &mut [f32],
    i: usize,
    sample: usize,
) {
    let rows: [&[f32]; R] = std::array::from_fn(|r| &kernel[(i + r) * n_out..][..n_out]);
    let gradients: [&[f32]; C] = std::array::from_fn(|c| &dz[(sample + c) * n_out..][..n_out]);
    let mut acc = [[s.zero16(); R]; C];
    let whole = n_out / 16;
    let (rows_16, gradients_16) = (
        rows.map(|r| &r.as_chunks::<16>().0[..whole]),
        gradients.map(|g| &g.as_chunks::<16>().0[..whole]),
    );
    for o in 0..whole {
        let rows: [S::W; R] = std::array::from_fn(|r| s.load16(&rows_16[r][o]));
        for c in 0..C {
            let gradient = s.load16(&gradients_16[c][o]);
            for r in 0..R {
                acc[c][r] = s.fma16(rows[r], gradient, acc[c][r]);
            }
        }
    }
    if whole * 16 < n_out {
        // The last part, filled up with zeros, which leave their sums as they are.
        let rows: [S::W; R] = std::array::from_fn(|r| s.load16_part(&rows[r][whole * 16..]));
        for c in 0..C {
            let gradient = s.load16_part(&gradients[c][whole * 16..]);
            for r in 0..R {
                acc[c][r] = s.fma16(rows[r], gradient, acc[c][r]);
            }
        }
    }
    if R == 4 && C == 4 {
        let sums = s.sums16x4(&std::array::from_fn(|c| std::array::from_fn(|r| acc[c % C][r % R])));
        for (c, four) in sums.iter().enumerate() {
            dx[(sample + c) * n_in + i..][..4].copy_from_slice(four);
        }
        return;
    }
    for c in 0..C {
        let four: [S::W; 4] = std::array::from_fn(|r| acc[c][r.min(R - 1)]);
        dx[(sample + c) * n_in + i..][..R].copy_from_slice(&s.sums16(four)[..R]);
    }
}
