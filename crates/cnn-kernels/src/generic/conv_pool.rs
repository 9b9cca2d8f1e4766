//! Convolution fused with max pooling: only as many rows of the convolution are kept as a pooling window is high, and the
//! gradients are taken from the winners of the windows.

use super::conv::{backward_input, backward_kernel, forward_rows};
use super::max_pool::{self, forward_row, part};
use super::winners::Pooled;
use super::{one_channel, winners};
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
    if one_channel::fits_pooled(g, p) {
        return one_channel::forward_pooled(s, g, p, x, kernel, bias, relu, y, argmax);
    }
    let (conv_row, pool_row) = (g.ow * g.f, p.ow * p.c);
    for (i, (x, y)) in
        x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(p.output_len())).enumerate()
    {
        let mut ready = 0;
        for (oy, y) in y.chunks_exact_mut(pool_row).enumerate() {
            let top = (oy * p.stride_h).saturating_sub(p.pad_top);
            let bottom = top.max(oy * p.stride_h + p.rows(oy).end).saturating_sub(p.pad_top);
            let mut row = ready.max(top);
            while row < bottom {
                // As many as lie side by side in the ring.
                let end = bottom.min(row - row % p.ph + p.ph);
                let to = &mut scratch[row % p.ph * conv_row..][..(end - row) * conv_row];
                forward_rows::<S, false>(s, g, x, kernel, bias, relu, row..end, to);
                row = end;
            }
            ready = ready.max(bottom);
            let argmax = part(argmax, (i * p.oh + oy) * pool_row, pool_row);
            forward_row(s, p, oy, |row| row % p.ph * conv_row, scratch, y, argmax);
        }
    }
}

/// The gradients of kernel and bias, added to `dkernel` and `dbias`. `scratch` is at least as long as the convolution's
/// output and as the kernel.
#[inline(always)]
pub(crate) fn backward_parameters<S: Simd>(
    s: S,
    g: &ConvGeometry,
    p: &PoolGeometry,
    relu: bool,
    x: &[f32],
    y: &[f32],
    dy: &[f32],
    argmax: &[u16],
    dkernel: &mut [f32],
    dbias: &mut [f32],
    scratch: &mut [f32],
) {
    if p.output_len() == 0 || g.input_len() == 0 || g.kernel_len() == 0 {
        return;
    }
    if one_channel::fits_pooled(g, p) {
        one_channel::backward_pooled(s, g, p, relu, x, y, dy, argmax, dkernel, dbias);
        return;
    }
    if winners::fits(g, p) {
        let sums = &mut scratch[..g.kernel_len()];
        winners::backward_kernel(s, g, p, Pooled { relu, y, dy, argmax }, x, dkernel, dbias, sums);
        return;
    }
    let dz = &mut scratch[..g.output_len()];
    for (i, x) in x.chunks_exact(g.input_len()).enumerate() {
        let part = i * p.output_len()..(i + 1) * p.output_len();
        max_pool::backward(s, p, &y[part.clone()], &dy[part.clone()], relu, &argmax[part], dz);
        backward_kernel(s, g, x, dz, dkernel);
        if !dbias.is_empty() {
            crate::scalar::dense::backward_bias(dz, dbias);
        }
    }
}

/// The gradient of the input. Overwrites `dx`; `scratch` is at least as long as the convolution's output.
#[inline(always)]
pub(crate) fn backward_image<S: Simd>(
    s: S,
    g: &ConvGeometry,
    p: &PoolGeometry,
    relu: bool,
    packed: &[f32],
    y: &[f32],
    dy: &[f32],
    argmax: &[u16],
    dx: &mut [f32],
    scratch: &mut [f32],
) {
    if p.output_len() == 0 || g.input_len() == 0 {
        dx.fill(0.0);
        return;
    }
    if winners::fits(g, p) {
        winners::backward_input(s, g, p, Pooled { relu, y, dy, argmax }, packed, dx);
        return;
    }
    let dz = &mut scratch[..g.output_len()];
    for (i, dx) in dx.chunks_exact_mut(g.input_len()).enumerate() {
        let part = i * p.output_len()..(i + 1) * p.output_len();
        max_pool::backward(s, p, &y[part.clone()], &dy[part.clone()], relu, &argmax[part], dz);
        backward_input::<S, false>(s, g, packed, dz, dx);
    }
}
