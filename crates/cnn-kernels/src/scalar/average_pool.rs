//! Average pooling in plain loops; the fast variants are these same loops under another instruction set.

use crate::max_pool::PoolGeometry;

#[inline(always)]
pub(crate) fn forward(p: &PoolGeometry, x: &[f32], y: &mut [f32]) {
    if p.output_len() == 0 || p.input_len() == 0 {
        y.fill(0.0);
        return;
    }
    for (x, y) in x.chunks_exact(p.input_len()).zip(y.chunks_exact_mut(p.output_len())) {
        for (at, y) in y.chunks_exact_mut(p.c).enumerate() {
            let (rows, columns) = (p.rows(at / p.ow), p.columns(at % p.ow));
            let (top, left) = corner(p, at);
            let count = (rows.len() * columns.len()).max(1) as f32;
            y.fill(0.0);
            for row in rows {
                for column in columns.clone() {
                    let x =
                        &x[((top + row - p.pad_top) * p.w + left + column - p.pad_left) * p.c..];
                    for (y, x) in y.iter_mut().zip(&x[..p.c]) {
                        *y += x;
                    }
                }
            }
            for y in y {
                *y /= count;
            }
        }
    }
}

#[inline(always)]
pub(crate) fn backward(p: &PoolGeometry, dy: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    if p.output_len() == 0 || p.input_len() == 0 {
        return;
    }
    for (dy, dx) in dy.chunks_exact(p.output_len()).zip(dx.chunks_exact_mut(p.input_len())) {
        for (at, dy) in dy.chunks_exact(p.c).enumerate() {
            let (rows, columns) = (p.rows(at / p.ow), p.columns(at % p.ow));
            let (top, left) = corner(p, at);
            let count = (rows.len() * columns.len()).max(1) as f32;
            for row in rows {
                for column in columns.clone() {
                    let from = ((top + row - p.pad_top) * p.w + left + column - p.pad_left) * p.c;
                    for (dx, dy) in dx[from..][..p.c].iter_mut().zip(dy) {
                        *dx += dy / count;
                    }
                }
            }
        }
    }
}

/// Row and column of the first pixel of window `at`, in the padded image.
#[inline(always)]
fn corner(p: &PoolGeometry, at: usize) -> (usize, usize) {
    (at / p.ow * p.stride_h, at % p.ow * p.stride_w)
}
