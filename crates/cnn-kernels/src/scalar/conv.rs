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
    y.fill(0.0);
    for ky in g.rows(oy) {
        for kx in g.columns(ox) {
            let (iy, ix) = (oy * g.stride_h + ky - g.pad_top, ox * g.stride_w + kx - g.pad_left);
            for c in 0..g.c {
                let x = x[(iy * g.w + ix) * g.c + c];
                let kernel = &kernel[((ky * g.kw + kx) * g.c + c) * g.f..][..g.f];
                for (y, k) in y.iter_mut().zip(kernel) {
                    *y = x.mul_add(*k, *y);
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
    let taps = g.kh * g.kw * g.c;
    for tap in 0..taps {
        for f in 0..g.f {
            out[f * taps + tap] = kernel[tap * g.f + f];
        }
    }
}

pub(crate) fn backward_input(g: &ConvGeometry, packed: &[f32], dz: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    if g.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    for (dz, dx) in dz.chunks_exact(g.output_len()).zip(dx.chunks_exact_mut(g.input_len())) {
        for (pixel, dz) in dz.chunks_exact(g.f).enumerate() {
            let (oy, ox) = (pixel / g.ow, pixel % g.ow);
            for (f, &dz) in dz.iter().enumerate() {
                for ky in g.rows(oy) {
                    for kx in g.columns(ox) {
                        let (iy, ix) =
                            (oy * g.stride_h + ky - g.pad_top, ox * g.stride_w + kx - g.pad_left);
                        let kernel = &packed[((f * g.kh + ky) * g.kw + kx) * g.c..][..g.c];
                        let dx = &mut dx[(iy * g.w + ix) * g.c..][..g.c];
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
    for (x, dz) in x.chunks_exact(g.input_len()).zip(dz.chunks_exact(g.output_len())) {
        for (pixel, dz) in dz.chunks_exact(g.f).enumerate() {
            let (oy, ox) = (pixel / g.ow, pixel % g.ow);
            for ky in g.rows(oy) {
                for kx in g.columns(ox) {
                    let (iy, ix) =
                        (oy * g.stride_h + ky - g.pad_top, ox * g.stride_w + kx - g.pad_left);
                    for c in 0..g.c {
                        let x = x[(iy * g.w + ix) * g.c + c];
                        let dkernel = &mut dkernel[((ky * g.kw + kx) * g.c + c) * g.f..][..g.f];
                        for (dk, dz) in dkernel.iter_mut().zip(dz) {
                            *dk = x.mul_add(*dz, *dk);
                        }
                    }
                }
            }
        }
    }
}
