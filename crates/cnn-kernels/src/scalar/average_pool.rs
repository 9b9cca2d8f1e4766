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
            let count = (rows.len() * columns.len()).max(1) as f32;
            y.fill(0.0);
            for row in rows {
                for column in columns.clone() {
                    let x = &x[place(p, at, row, column)..][..p.c];
                    for (y, x) in y.iter_mut().zip(x) {
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
            let count = (rows.len() * columns.len()).max(1) as f32;
            for row in rows {
                for column in columns.clone() {
                    let dx = &mut dx[place(p, at, row, column)..][..p.c];
                    for (dx, dy) in dx.iter_mut().zip(dy) {
                        *dx += dy / count;
                    }
                }
            }
        }
    }
}

/// Where the image has the pixel at `row` and `column` of window `at`.
#[inline(always)]
fn place(p: &PoolGeometry, at: usize, row: usize, column: usize) -> usize {
    let iy = at / p.ow * p.stride_h + row - p.pad_top;
    let ix = at % p.ow * p.stride_w + column - p.pad_left;
    (iy * p.w + ix) * p.c
}
