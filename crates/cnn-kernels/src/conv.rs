//! Two-dimensional cross-correlation (what deep learning calls convolution) and its gradients.
//!
//! Dimension letters: `n` images of `h × w × c`, kernel `[kh, kw, c/groups, f]`, output `n × oh × ow × f`.
//! `y[oy, ox, f] = bias[f] + Σ_ky Σ_kx Σ_c x[iy, ix, c] · kernel[ky, kx, c, f]` with `iy = oy·stride_h + ky·dilation_h − pad_top`,
//! `ix = ox·stride_w + kx·dilation_w − pad_left`, where positions outside the image count as zero, and `c` runs over the channels
//! of the filter's group. Source: Keras `Conv2D`, `channels_last`.
//!
//! With as many groups as channels this is Keras's `DepthwiseConv2D`: its kernel `[kh, kw, c, multiplier]` has the same numbers in
//! the same order as `[kh, kw, 1, c·multiplier]` here. With one filter for each channel it has kernels of its own, but not where
//! pooling is fused to it.

use crate::Isa;
use crate::isa::dispatch;
use crate::max_pool::PoolGeometry;
use crate::scalar;
use std::ops::Range;

/// The shape of one convolution. Padding at the bottom and on the right follows from `oh` and `ow`; it may differ from
/// `pad_top` and `pad_left`. Along each axis at least one of stride and dilation is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Height of the input image.
    pub h: usize,
    /// Width of the input image.
    pub w: usize,
    /// Channels of the input image.
    pub c: usize,
    /// Height of the kernel.
    pub kh: usize,
    /// Width of the kernel.
    pub kw: usize,
    /// Filters: channels of the output.
    pub f: usize,
    /// Groups of neighbouring channels, each with as many of the filters, which see nothing of the others; at least 1, and a
    /// divisor of `c` and `f`.
    pub groups: usize,
    /// Rows between two windows, at least 1.
    pub stride_h: usize,
    /// Columns between two windows, at least 1.
    pub stride_w: usize,
    /// Rows between two taps of the kernel, at least 1.
    pub dilation_h: usize,
    /// Columns between two taps of the kernel, at least 1.
    pub dilation_w: usize,
    /// Rows of zeros above the image.
    pub pad_top: usize,
    /// Columns of zeros left of the image.
    pub pad_left: usize,
    /// Height of the output.
    pub oh: usize,
    /// Width of the output.
    pub ow: usize,
}

impl ConvGeometry {
    /// Numbers in one input image, `h·w·c`.
    pub fn input_len(&self) -> usize {
        self.h * self.w * self.c
    }

    /// Numbers in one output image, `oh·ow·f`.
    pub fn output_len(&self) -> usize {
        self.oh * self.ow * self.f
    }

    /// Numbers in the kernel, `kh·kw·(c/groups)·f`.
    pub fn kernel_len(&self) -> usize {
        self.kh * self.kw * self.group_channels() * self.f
    }

    /// Channels that each filter sees.
    pub fn group_channels(&self) -> usize {
        self.c / self.groups
    }

    /// Filters of a group.
    pub(crate) fn group_filters(&self) -> usize {
        self.f / self.groups
    }

    /// Whether each channel has one filter, which sees nothing else.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.c && self.c == self.f
    }

    /// The place of the tap `(ky, kx)` in the packed kernel. A depthwise kernel is turned around: its inner loop, over the taps,
    /// then goes forwards through it, as through the outputs that see a pixel.
    pub(crate) fn packed_tap(&self, ky: usize, kx: usize) -> usize {
        let tap = ky * self.kw + kx;
        if self.is_depthwise() { self.kh * self.kw - 1 - tap } else { tap }
    }

    /// The taps `k` of `0..kh` for which output row `oy` reads inside the image.
    pub(crate) fn rows(&self, oy: usize) -> Range<usize> {
        taps_inside(self.h, self.kh, self.dilation_h, oy * self.stride_h, self.pad_top)
    }

    /// The taps `k` of `0..kw` for which output column `ox` reads inside the image.
    pub(crate) fn columns(&self, ox: usize) -> Range<usize> {
        taps_inside(self.w, self.kw, self.dilation_w, ox * self.stride_w, self.pad_left)
    }

    /// Whether stride, dilation and groups are what they must be.
    fn check(&self) {
        let axes = [(self.stride_h, self.dilation_h), (self.stride_w, self.dilation_w)];
        let sound = axes.iter().all(|axis| axis.0.min(axis.1) == 1);
        assert!(sound, "conv: a stride or dilation is zero, or neither is 1: {self:?}");
        let divides = |n: usize| n.checked_rem(self.groups) == Some(0);
        assert!(divides(self.c) && divides(self.f), "conv: groups that do not divide: {self:?}");
    }

    fn images(&self, x: &[f32], y: &[f32]) -> usize {
        self.check();
        let n = x.len().checked_div(self.input_len()).unwrap_or(0);
        assert_eq!(x.len(), n * self.input_len(), "conv: input is not whole images of {self:?}");
        assert_eq!(
            y.len(),
            n * self.output_len(),
            "conv: output length for {n} images of {self:?}"
        );
        n
    }
}

/// The `k` in `0..kernel` with `0 <= start + k - before < len`.
pub(crate) fn inside(len: usize, kernel: usize, start: usize, before: usize) -> Range<usize> {
    let low = before.saturating_sub(start).min(kernel);
    let high = (len + before).saturating_sub(start).min(kernel);
    low..high.max(low)
}

/// The `k` in `0..kernel` with `0 <= start + k·dilation - before < len`.
fn taps_inside(
    len: usize,
    kernel: usize,
    dilation: usize,
    start: usize,
    before: usize,
) -> Range<usize> {
    if dilation == 1 {
        return inside(len, kernel, start, before);
    }
    let spread = kernel.saturating_sub(1) * dilation + kernel.min(1);
    let places = inside(len, spread, start, before);
    places.start.div_ceil(dilation)..places.end.div_ceil(dilation)
}

/// `y = conv(x, kernel) + bias`, then `max(0, ·)` if `relu`. Overwrites `y`.
///
/// `x` `n·h·w·c`, `kernel` `kh·kw·(c/groups)·f`, `bias` `f` or empty for none, `y` `n·oh·ow·f`; `n` follows from `x`.
/// Each output adds its taps in the order (ky, kx, c), then its bias. A NaN stays a NaN under relu.
pub fn forward(
    isa: Isa,
    g: &ConvGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
) {
    g.images(x, y);
    check_parameters(g, kernel, bias);
    if g.is_depthwise() {
        dispatch!(isa, depthwise_forward(g, x, kernel, bias, relu, y), scalar::conv::forward);
    } else {
        dispatch!(isa, conv_forward(g, x, kernel, bias, relu, y), scalar::conv::forward);
    }
}

/// Convolution, bias, relu and max pooling in one pass; gives exactly what [`forward`] followed by
/// [`crate::max_pool::forward`] gives, without storing the image between them.
///
/// `p` is the pooling over the output of `g`. `y` and `argmax` are `n·p.oh·p.ow·f` (`argmax` may be empty: not stored),
/// `scratch` at least [`pool_scratch_len`].
pub fn forward_max_pool(
    isa: Isa,
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
    assert_eq!(
        (p.h, p.w, p.c),
        (g.oh, g.ow, g.f),
        "conv: pooling does not fit the convolution's output"
    );
    let n = x.len().checked_div(g.input_len()).unwrap_or(0);
    assert_eq!(x.len(), n * g.input_len(), "conv: input is not whole images of {g:?}");
    assert_eq!(y.len(), n * p.output_len(), "conv: pooled output length for {n} images");
    g.check();
    p.check_argmax(y, argmax);
    check_parameters(g, kernel, bias);
    let scratch = &mut scratch[..pool_scratch_len(g, p)];
    dispatch!(
        isa,
        conv_forward_max_pool(g, p, x, kernel, bias, relu, y, argmax, scratch),
        scalar::conv::forward_max_pool
    );
}

/// The length of `scratch` that [`forward_max_pool`] needs, in `f32`.
pub fn pool_scratch_len(g: &ConvGeometry, p: &PoolGeometry) -> usize {
    p.ph * g.ow * g.f
}

/// The length of the packed kernel of [`transpose_kernel`].
pub fn packed_len(g: &ConvGeometry) -> usize {
    g.kernel_len()
}

/// Rearranges the kernel `[kh, kw, c/groups, f]` to `[f/groups, kh, kw, c]`, the form that [`backward_input`] reads: for each
/// channel the weights of the filters of its group; with one channel and filter to a group, from the last tap to the first. To be done once for each change of the weights. `out` has length
/// [`packed_len`].
pub fn transpose_kernel(g: &ConvGeometry, kernel: &[f32], out: &mut [f32]) {
    assert_eq!(kernel.len(), g.kernel_len(), "conv: kernel length of {g:?}");
    assert_eq!(out.len(), packed_len(g), "conv: packed kernel length of {g:?}");
    scalar::conv::transpose_kernel(g, kernel, out);
}

/// The gradient with respect to the input: `dx[iy, ix, c] = Σ dz[oy, ox, f] · kernel[ky, kx, c, f]` over all windows that
/// read the pixel, in the order (oy, ox, f). Overwrites `dx`.
///
/// `packed` from [`transpose_kernel`], `dz` `n·oh·ow·f`, `dx` `n·h·w·c`.
pub fn backward_input(isa: Isa, g: &ConvGeometry, packed: &[f32], dz: &[f32], dx: &mut [f32]) {
    g.images(dx, dz);
    assert_eq!(packed.len(), packed_len(g), "conv: packed kernel length of {g:?}");
    if g.is_depthwise() {
        dispatch!(isa, depthwise_backward_input(g, packed, dz, dx), scalar::conv::backward_input);
    } else {
        dispatch!(isa, conv_backward_input(g, packed, dz, dx), scalar::conv::backward_input);
    }
}

/// The gradients with respect to kernel and bias, **added** to `dkernel` (as long as the kernel) and `dbias` (`f`, or empty to skip).
///
/// `x` `n·h·w·c`, `dz` `n·oh·ow·f`. The terms are added one by one to what is there, in the order (image, oy, ox): one call
/// with two images gives the same bits as two calls with one.
pub fn backward_kernel(
    isa: Isa,
    g: &ConvGeometry,
    x: &[f32],
    dz: &[f32],
    dkernel: &mut [f32],
    dbias: &mut [f32],
) {
    g.images(x, dz);
    check_parameters(g, dkernel, dbias);
    if g.is_depthwise() {
        let kernel = scalar::conv::backward_kernel;
        dispatch!(isa, depthwise_backward_kernel(g, x, dz, dkernel), kernel);
    } else {
        dispatch!(isa, conv_backward_kernel(g, x, dz, dkernel), scalar::conv::backward_kernel);
    }
    if !dbias.is_empty() {
        dispatch!(isa, backward_bias(dz, dbias), scalar::dense::backward_bias);
    }
}

/// The length of `scratch` that [`backward_max_pool_kernel`] and [`backward_max_pool_input`] need, in `f32`.
pub fn backward_pool_scratch_len(g: &ConvGeometry) -> usize {
    g.output_len().max(g.kernel_len())
}

/// The gradients of kernel and bias of what [`forward_max_pool`] computes, **added** to `dkernel` and `dbias` (or empty).
///
/// Gives exactly what [`crate::max_pool::backward_relu`] (or `backward`, without `relu`) followed by [`backward_kernel`]
/// gives for finite numbers, without multiplying by the zeros that pooling and relu leave. `x` `n·h·w·c`; `y`, `dy` and
/// `argmax` `n·p.oh·p.ow·f`: what `forward_max_pool` wrote, and the gradient of that; `scratch` at least
/// [`backward_pool_scratch_len`].
pub fn backward_max_pool_kernel(
    isa: Isa,
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
    check_pooled(g, p, x, y, dy, argmax);
    check_parameters(g, dkernel, dbias);
    let scratch = &mut scratch[..backward_pool_scratch_len(g)];
    dispatch!(
        isa,
        conv_backward_pooled_parameters(g, p, relu, x, y, dy, argmax, dkernel, dbias, scratch),
        scalar::conv::backward_pooled_parameters
    );
}

/// The gradient of the input of what [`forward_max_pool`] computes. Overwrites `dx` (`n·h·w·c`); the rest is as in
/// [`backward_max_pool_kernel`], `packed` as in [`backward_input`].
pub fn backward_max_pool_input(
    isa: Isa,
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
    check_pooled(g, p, dx, y, dy, argmax);
    assert_eq!(packed.len(), packed_len(g), "conv: packed kernel length of {g:?}");
    let scratch = &mut scratch[..backward_pool_scratch_len(g)];
    dispatch!(
        isa,
        conv_backward_pooled_input(g, p, relu, packed, y, dy, argmax, dx, scratch),
        scalar::conv::backward_pooled_input
    );
}

/// A pooling that fits its convolution, and slices of whole images.
fn check_pooled(
    g: &ConvGeometry,
    p: &PoolGeometry,
    x: &[f32],
    y: &[f32],
    dy: &[f32],
    argmax: &[u16],
) {
    assert_eq!(
        (p.h, p.w, p.c),
        (g.oh, g.ow, g.f),
        "conv: pooling does not fit the convolution's output"
    );
    g.check();
    let n = x.len().checked_div(g.input_len()).unwrap_or(0);
    assert_eq!(x.len(), n * g.input_len(), "conv: input is not whole images of {g:?}");
    assert_eq!(y.len(), n * p.output_len(), "conv: pooled output length for {n} images");
    assert_eq!(dy.len(), y.len(), "conv: gradient of another length than the pooled output");
    assert_eq!(argmax.len(), y.len(), "conv: argmax of another length than the pooled output");
    p.check_argmax(y, argmax);
}

fn check_parameters(g: &ConvGeometry, kernel: &[f32], bias: &[f32]) {
    assert_eq!(kernel.len(), g.kernel_len(), "conv: kernel length of {g:?}");
    assert!(
        bias.is_empty() || bias.len() == g.f,
        "conv: bias has length {}, expected 0 or {}",
        bias.len(),
        g.f
    );
}
