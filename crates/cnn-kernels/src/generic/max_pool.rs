//! Max pooling, a register of channels at a time; the last channels, less than a register, in plain code.

use std::ops::Range;

use crate::max_pool::PoolGeometry;
use crate::simd::Simd;

#[inline(always)]
pub(crate) fn forward<S: Simd>(
    s: S,
    p: &PoolGeometry,
    x: &[f32],
    y: &mut [f32],
    argmax: &mut [u16],
) {
    if p.output_len() == 0 || p.input_len() == 0 {
        return;
    }
    let row = p.ow * p.c;
    for (i, (x, y)) in
        x.chunks_exact(p.input_len()).zip(y.chunks_exact_mut(p.output_len())).enumerate()
    {
        for (oy, y) in y.chunks_exact_mut(row).enumerate() {
            let argmax = part(argmax, (i * p.oh + oy) * row, row);
            forward_row(s, p, oy, |iy| iy * p.w * p.c, x, y, argmax);
        }
    }
}

/// One row of the output. `at(iy)` is where row `iy` of the input begins in `x`.
#[inline(always)]
pub(super) fn forward_row<S: Simd>(
    s: S,
    p: &PoolGeometry,
    oy: usize,
    at: impl Fn(usize) -> usize,
    x: &[f32],
    y: &mut [f32],
    argmax: &mut [u16],
) {
    let rows = p.rows(oy);
    for (ox, y) in y.chunks_exact_mut(p.c).enumerate() {
        let argmax = part(argmax, ox * p.c, p.c);
        let columns = p.columns(ox);
        if rows.is_empty() || columns.is_empty() {
            y.fill(f32::NEG_INFINITY);
            argmax.fill(0);
            continue;
        }
        let source = |ky: usize, kx: usize| {
            at(oy * p.stride_h + ky - p.pad_top) + (ox * p.stride_w + kx - p.pad_left) * p.c
        };
        let mut c = 0;
        while p.c - c >= S::LANES {
            let first = source(rows.start, columns.start) + c;
            let mut best = s.load(&x[first..]);
            let mut index = s.splat((rows.start * p.pw + columns.start) as f32);
            for ky in rows.clone() {
                for kx in columns.clone() {
                    let v = s.load(&x[source(ky, kx) + c..]);
                    let larger = s.gt(v, best);
                    best = s.select(larger, v, best);
                    index = s.select(larger, s.splat((ky * p.pw + kx) as f32), index);
                }
            }
            s.store(best, &mut y[c..]);
            if !argmax.is_empty() {
                s.store_u16(index, &mut argmax[c..]);
            }
            c += S::LANES;
        }
        for c in c..p.c {
            let (best, index) = window(p, &rows, &columns, |ky, kx| x[source(ky, kx) + c]);
            y[c] = best;
            if let Some(argmax) = argmax.get_mut(c) {
                *argmax = index;
            }
        }
    }
}

/// The largest value of one window, which is not empty, and its index.
#[inline(always)]
fn window(
    p: &PoolGeometry,
    rows: &Range<usize>,
    columns: &Range<usize>,
    x: impl Fn(usize, usize) -> f32,
) -> (f32, u16) {
    let mut best = x(rows.start, columns.start);
    let mut index = rows.start * p.pw + columns.start;
    for ky in rows.clone() {
        for kx in columns.clone() {
            let v = x(ky, kx);
            if v > best {
                (best, index) = (v, ky * p.pw + kx);
            }
        }
    }
    (best, index as u16)
}

/// Each pixel of a window gets `dy` where its index is the stored one, and zero elsewhere.
#[inline(always)]
pub(crate) fn backward<S: Simd>(
    s: S,
    p: &PoolGeometry,
    y: &[f32],
    dy: &[f32],
    relu: bool,
    argmax: &[u16],
    dx: &mut [f32],
) {
    dx.fill(0.0);
    if p.output_len() == 0 || p.input_len() == 0 {
        return;
    }
    let pixels = p.oh * p.ow;
    for (i, dx) in dx.chunks_exact_mut(p.input_len()).enumerate() {
        for pixel in 0..pixels {
            let from = (i * pixels + pixel) * p.c..(i * pixels + pixel + 1) * p.c;
            let (y, dy, argmax) = (&y[from.clone()], &dy[from.clone()], &argmax[from]);
            backward_pixel(s, p, (pixel / p.ow, pixel % p.ow), y, dy, relu, argmax, dx);
        }
    }
}

#[inline(always)]
fn backward_pixel<S: Simd>(
    s: S,
    p: &PoolGeometry,
    (oy, ox): (usize, usize),
    y: &[f32],
    dy: &[f32],
    relu: bool,
    argmax: &[u16],
    dx: &mut [f32],
) {
    let (rows, columns) = (p.rows(oy), p.columns(ox));
    let target = |ky: usize, kx: usize| {
        ((oy * p.stride_h + ky - p.pad_top) * p.w + ox * p.stride_w + kx - p.pad_left) * p.c
    };
    let zero = s.splat(0.0);
    let mut c = 0;
    while p.c - c >= S::LANES {
        let mut gradient = s.load(&dy[c..]);
        if relu {
            gradient = s.select(s.gt(s.load(&y[c..]), zero), gradient, zero);
        }
        let index = s.load_u16(&argmax[c..]);
        for ky in rows.clone() {
            for kx in columns.clone() {
                let here = s.eq(index, s.splat((ky * p.pw + kx) as f32));
                let dx = &mut dx[target(ky, kx) + c..][..S::LANES];
                s.store(s.add(s.load(dx), s.select(here, gradient, zero)), dx);
            }
        }
        c += S::LANES;
    }
    for c in c..p.c {
        let (ky, kx) = (argmax[c] as usize / p.pw, argmax[c] as usize % p.pw);
        if (!relu || y[c] > 0.0) && rows.contains(&ky) && columns.contains(&kx) {
            dx[target(ky, kx) + c] += dy[c];
        }
    }
}

/// `len` elements from `start`, or none of an empty slice.
#[inline(always)]
pub(super) fn part(of: &mut [u16], start: usize, len: usize) -> &mut [u16] {
    if of.is_empty() { of } else { &mut of[start..][..len] }
}
