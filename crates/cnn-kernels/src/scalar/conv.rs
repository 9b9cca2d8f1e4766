//! Convolution in plain loops.

use crate::conv::ConvGeometry;
use crate::max_pool::PoolGeometry;
use crate::scalar::activation::relu_value;

pub(crate) fn forward(
    g: &ConvGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
) {
    if g.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len())) {
        for (oy, row) in y.chunks_exact_mut(g.ow * g.f).enumerate() {
            for (ox, y) in row.chunks_exact_mut(g.f).enumerate() {
                pixel(g, x, kernel, bias, relu, (oy, ox), y);
            }
        }
    }
}

/// Where the pixel of the image begins that output pixel `(oy, ox)` sees with tap `(ky, kx)`.
#[inline(always)]
fn input(g: &ConvGeometry, (oy, ox): (usize, usize), (ky, kx): (usize, usize)) -> usize {
    let iy = oy * g.stride_h + ky * g.dilation_h - g.pad_top;
    let ix = ox * g.stride_w + kx * g.dilation_w - g.pad_left;
    (iy * g.w + ix) * g.c
}

/// All filters of one output pixel.
fn pixel(
    g: &ConvGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    (oy, ox): (usize, usize),
    y: &mut [f32],
) {
    let (channels, filters) = (g.group_channels(), g.group_filters());
    y.fill(0.0);
    for ky in g.rows(oy) {
        for kx in g.columns(ox) {
            let (from, tap) = (input(g, (oy, ox), (ky, kx)), ky * g.kw + kx);
            for group in 0..g.groups {
                let y = &mut y[group * filters..][..filters];
                for c in 0..channels {
                    let x = x[from + group * channels + c];
                    let kernel = &kernel[(tap * channels + c) * g.f + group * filters..][..filters];
                    for (y, k) in y.iter_mut().zip(kernel) {
                        *y = x.mul_add(*k, *y);
                    }
                }
            }
        }
    }
    for (y, b) in y.iter_mut().zip(bias) {
        *y += b;
    }
    if relu {
        for y in y.iter_mut() {
            *y = relu_value(*y);
        }
    }
}

pub(crate) fn forward_max_pool(
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
    for (i, x) in x.chunks_exact(g.input_len()).enumerate() {
        for oy in 0..p.oh {
            // The rows of the convolution that these windows see, from the top of the scratch.
            let rows = p.rows(oy);
            let top = (oy * p.stride_h + rows.start).saturating_sub(p.pad_top);
            for (row, y) in scratch.chunks_exact_mut(g.ow * g.f).take(rows.len()).enumerate() {
                for (ox, y) in y.chunks_exact_mut(g.f).enumerate() {
                    pixel(g, x, kernel, bias, relu, (top + row, ox), y);
                }
            }
            for ox in 0..p.ow {
                for c in 0..p.c {
                    let at = ((i * p.oh + oy) * p.ow + ox) * p.c + c;
                    let (best, index) = super::max_pool::window(p, scratch, top, (oy, ox, c));
                    y[at] = best;
                    if !argmax.is_empty() {
                        argmax[at] = index;
                    }
                }
            }
        }
    }
}

/// Gradients of kernel and bias, by way of the gradient of the whole image before pooling.
pub(crate) fn backward_pooled_parameters(
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
    if p.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    let dz = &mut scratch[..g.output_len()];
    for (i, x) in x.chunks_exact(g.input_len()).enumerate() {
        let part = i * p.output_len()..(i + 1) * p.output_len();
        super::max_pool::backward(p, &y[part.clone()], &dy[part.clone()], relu, &argmax[part], dz);
        backward_kernel(g, x, dz, dkernel);
        if !dbias.is_empty() {
            super::dense::backward_bias(dz, dbias);
        }
    }
}

/// Gradient of the input, likewise.
pub(crate) fn backward_pooled_input(
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
    let dz = &mut scratch[..g.output_len()];
    for (i, dx) in dx.chunks_exact_mut(g.input_len()).enumerate() {
        let part = i * p.output_len()..(i + 1) * p.output_len();
        super::max_pool::backward(p, &y[part.clone()], &dy[part.clone()], relu, &argmax[part], dz);
        backward_input(g, packed, dz, dx);
    }
}

pub(crate) fn transpose_kernel(g: &ConvGeometry, kernel: &[f32], out: &mut [f32]) {
    let (channels, filters) = (g.group_channels(), g.group_filters());
    let taps = g.kh * g.kw;
    for tap in 0..taps {
        let to = g.packed_tap(tap / g.kw, tap % g.kw);
        for c in 0..channels {
            let kernel = &kernel[(tap * channels + c) * g.f..][..g.f];
            for group in 0..g.groups {
                for q in 0..filters {
                    out[(q * taps + to) * g.c + group * channels + c] = kernel[group * filters + q];
                }
            }
        }
    }
}

pub(crate) fn backward_input(g: &ConvGeometry, packed: &[f32], dz: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    if g.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    let (channels, filters) = (g.group_channels(), g.group_filters());
    for (dz, dx) in dz.chunks_exact(g.output_len()).zip(dx.chunks_exact_mut(g.input_len())) {
        for (pixel, dz) in dz.chunks_exact(g.f).enumerate() {
            let at = (pixel / g.ow, pixel % g.ow);
            for (f, &dz) in dz.iter().enumerate() {
                let (group, q) = (f / filters, f % filters);
                for ky in g.rows(at.0) {
                    for kx in g.columns(at.1) {
                        let tap = q * g.kh * g.kw + g.packed_tap(ky, kx);
                        let kernel = &packed[tap * g.c + group * channels..][..channels];
                        let dx = &mut dx[input(g, at, (ky, kx)) + group * channels..][..channels];
                        for (dx, k) in dx.iter_mut().zip(kernel) {
                            *dx = dz.mul_add(*k, *dx);
                        }
                    }
                }
            }
        }
    }
}

pub(crate) fn backward_kernel(g: &ConvGeometry, x: &[f32], dz: &[f32], dkernel: &mut [f32]) {
    if g.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    let (channels, filters) = (g.group_channels(), g.group_filters());
    for (x, dz) in x.chunks_exact(g.input_len()).zip(dz.chunks_exact(g.output_len())) {
        for (pixel, dz) in dz.chunks_exact(g.f).enumerate() {
            let at = (pixel / g.ow, pixel % g.ow);
            for ky in g.rows(at.0) {
                for kx in g.columns(at.1) {
                    let (from, tap) = (input(g, at, (ky, kx)), ky * g.kw + kx);
                    for group in 0..g.groups {
                        let dz = &dz[group * filters..][..filters];
                        for c in 0..channels {
                            let x = x[from + group * channels + c];
                            let row = (tap * channels + c) * g.f + group * filters;
                            let dkernel = &mut dkernel[row..][..filters];
                            for (dk, dz) in dkernel.iter_mut().zip(dz) {
                                *dk = x.mul_add(*dz, *dk);
                            }
                        }
                    }
                }
            }
        }
    }
}
