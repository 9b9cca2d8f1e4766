//! Convolution fused with max pooling: only as many rows of the convolution are kept as a pooling window is high.

use super::conv::forward_rows;
use super::max_pool::{forward_row, part};
use crate::conv::ConvGeometry;
use crate::max_pool::PoolGeometry;
use crate::simd::Simd;

/// `scratch` is a ring of `p.ph` rows: row `r` of the convolution's output is in place `r % p.ph`.
#[inline(always)]
pub(crate) fn forward<S: Simd>(
    s: S,
    g: &ConvGeometry,
    p: &PoolGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
    argmax: &mut [u16],
    scratch: &mut [f32],
) {
    if p.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    let (conv_row, pool_row) = (g.ow * g.f, p.ow * p.c);
    for (i, (x, y)) in
        x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(p.output_len())).enumerate()
    {
        let mut ready = 0;
        for (oy, y) in y.chunks_exact_mut(pool_row).enumerate() {
            let top = (oy * p.stride_h).saturating_sub(p.pad_top);
            let bottom = top.max(oy * p.stride_h + p.rows(oy).end).saturating_sub(p.pad_top);
            for row in ready.max(top)..bottom {
                let to = &mut scratch[row % p.ph * conv_row..][..conv_row];
                forward_rows(s, g, x, kernel, bias, relu, row..row + 1, to);
            }
            ready = ready.max(bottom);
            let argmax = part(argmax, (i * p.oh + oy) * pool_row, pool_row);
            forward_row(s, p, oy, |row| row % p.ph * conv_row, scratch, y, argmax);
        }
    }
}
