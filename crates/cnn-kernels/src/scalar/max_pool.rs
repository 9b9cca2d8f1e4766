//! Max pooling in plain loops.

use crate::max_pool::PoolGeometry;

pub(crate) fn forward(p: &PoolGeometry, x: &[f32], y: &mut [f32], argmax: &mut [u16]) {
    if p.output_len() == 0 || p.input_len() == 0 {
        return;
    }
    for (i, (x, y)) in
        x.chunks_exact(p.input_len()).zip(y.chunks_exact_mut(p.output_len())).enumerate()
    {
        for (o, y) in y.iter_mut().enumerate() {
            let (oy, ox, c) = (o / (p.ow * p.c), o / p.c % p.ow, o % p.c);
            let (best, index) = window(p, x, 0, (oy, ox, c));
            *y = best;
            if !argmax.is_empty() {
                argmax[i * p.output_len() + o] = index;
            }
        }
    }
}

/// The largest value of one window, the first among equals, and its index. `x` begins with row `top` of the image.
pub(super) fn window(
    p: &PoolGeometry,
    x: &[f32],
    top: usize,
    (oy, ox, c): (usize, usize, usize),
) -> (f32, u16) {
    let mut best = None;
    for ky in p.rows(oy) {
        for kx in p.columns(ox) {
            let (iy, ix) = (oy * p.stride_h + ky - p.pad_top, ox * p.stride_w + kx - p.pad_left);
            let v = x[((iy - top) * p.w + ix) * p.c + c];
            if best.is_none_or(|(b, _)| v > b) {
                best = Some((v, (ky * p.pw + kx) as u16));
            }
        }
    }
    best.unwrap_or((f32::NEG_INFINITY, 0))
}

pub(crate) fn backward(
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
    for (i, dx) in dx.chunks_exact_mut(p.input_len()).enumerate() {
        for o in 0..p.output_len() {
            let from = i * p.output_len() + o;
            if relu && (y[from] <= 0.0 || y[from].is_nan()) {
                continue;
            }
            let (oy, ox, c) = (o / (p.ow * p.c), o / p.c % p.ow, o % p.c);
            let (ky, kx) = (argmax[from] as usize / p.pw, argmax[from] as usize % p.pw);
            let (iy, ix) = (
                (oy * p.stride_h + ky).wrapping_sub(p.pad_top),
                (ox * p.stride_w + kx).wrapping_sub(p.pad_left),
            );
            // A window wholly in the padding has no source.
            if iy < p.h && ix < p.w {
                dx[(iy * p.w + ix) * p.c + c] += dy[from];
            }
        }
    }
}
