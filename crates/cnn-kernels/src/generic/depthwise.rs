//! Convolution of each channel by itself, and its gradients: lanes are channels, a register of the image times a register of the
//! kernel.

use super::conv::{self, added, pixels, zones};
use super::tile::Loop;
use crate::conv::ConvGeometry;
use crate::simd::Simd;

#[inline(always)]
pub(crate) fn forward<S: Simd>(
    s: S,
    g: &ConvGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
) {
    conv::forward::<S, true>(s, g, x, kernel, bias, relu, y);
}

#[inline(always)]
pub(crate) fn backward_input<S: Simd>(
    s: S,
    g: &ConvGeometry,
    packed: &[f32],
    dz: &[f32],
    dx: &mut [f32],
) {
    conv::backward_input::<S, true>(s, g, packed, dz, dx);
}

/// Points are taps. Those that see an output pixel go together, so that its gradient is loaded once for all of them: over all rows
/// that see the same taps, where no column is padded, else row by row.
#[inline(always)]
pub(crate) fn backward_kernel<S: Simd>(
    s: S,
    g: &ConvGeometry,
    x: &[f32],
    dz: &[f32],
    dkernel: &mut [f32],
) {
    if g.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    let together = g.columns(0) == g.columns(g.ow - 1);
    for image in x.chunks_exact(g.input_len()).zip(dz.chunks_exact(g.output_len())) {
        let mut oy = 0;
        while oy < g.oh {
            let same = |other: &usize| g.rows(*other) == g.rows(oy);
            let end = (oy + 1..g.oh).find(|other| !together || !same(other)).unwrap_or(g.oh);
            for (ys, xs) in zones(oy..end, g.ow, |oy| g.rows(oy), |ox| g.columns(ox)) {
                let (kys, kxs) = (g.rows(ys.start), g.columns(xs.start));
                let loops = [
                    Loop::ONCE,
                    Loop { count: ys.len(), x: g.stride_h * g.w * g.c, k: g.ow * g.f },
                    Loop { count: xs.len(), x: g.stride_w * g.c, k: g.f },
                ];
                let parts = [image];
                let sum = added(&parts, (ys.start * g.ow + xs.start) * g.f, loops);
                let place = |(ky, kx): (usize, usize)| {
                    let iy = (ys.start * g.stride_h + ky * g.dilation_h).saturating_sub(g.pad_top);
                    let ix = (xs.start * g.stride_w + kx * g.dilation_w).saturating_sub(g.pad_left);
                    ((iy * g.w + ix) * g.c, (ky * g.kw + kx) * g.f)
                };
                let (taps, places) = (kys.len() * kxs.len(), pixels(kys.start, &kxs).map(place));
                sum.sweep_lanes(s, 0..g.f, taps, &places, dkernel);
            }
            oy = end;
        }
    }
}
