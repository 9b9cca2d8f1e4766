//! Max pooling over windows of an image, and its gradient.
//!
//! `y[oy, ox, c] = max x[oy·stride_h + ky − pad_top, ox·stride_w + kx − pad_left, c]` over the window `ph × pw`; positions
//! outside the image count as −∞. Source: Keras `MaxPooling2D`, `channels_last`.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// The shape of one pooling. Padding at the bottom and on the right follows from `oh` and `ow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Height of the input image.
    pub h: usize,
    /// Width of the input image.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Height of the window; `ph·pw` must be at most 65,536.
    pub ph: usize,
    /// Width of the window.
    pub pw: usize,
    /// Rows between two windows, at least 1.
    pub stride_h: usize,
    /// Columns between two windows, at least 1.
    pub stride_w: usize,
    /// Rows of −∞ above the image.
    pub pad_top: usize,
    /// Columns of −∞ left of the image.
    pub pad_left: usize,
    /// Height of the output.
    pub oh: usize,
    /// Width of the output.
    pub ow: usize,
}

impl PoolGeometry {
    /// Numbers in one input image, `h·w·c`.
    pub fn input_len(&self) -> usize {
        self.h * self.w * self.c
    }

    /// Numbers in one output image, `oh·ow·c`.
    pub fn output_len(&self) -> usize {
        self.oh * self.ow * self.c
    }

    pub(crate) fn rows(&self, oy: usize) -> std::ops::Range<usize> {
        crate::conv::inside(self.h, self.ph, oy * self.stride_h, self.pad_top)
    }

    pub(crate) fn columns(&self, ox: usize) -> std::ops::Range<usize> {
        crate::conv::inside(self.w, self.pw, ox * self.stride_w, self.pad_left)
    }

    pub(crate) fn images(&self, x: &[f32], y: &[f32]) -> usize {
        let n = x.len().checked_div(self.input_len()).unwrap_or(0);
        assert_eq!(x.len(), n * self.input_len(), "pooling: input is not whole images of {self:?}");
        assert_eq!(
            y.len(),
            n * self.output_len(),
            "pooling: output length for {n} images of {self:?}"
        );
        n
    }

    pub(crate) fn check_argmax(&self, y: &[f32], argmax: &[u16]) {
        assert!(self.stride_h > 0 && self.stride_w > 0, "max_pool: a stride is zero: {self:?}");
        assert!(
            self.ph * self.pw <= 1 << 16,
            "max_pool: the window is larger than an index of 16 bits: {self:?}"
        );
        assert!(
            argmax.is_empty() || argmax.len() == y.len(),
            "max_pool: argmax has length {}, expected {}",
            argmax.len(),
            y.len()
        );
    }
}

/// The largest value of each window. Overwrites `y` and `argmax`.
///
/// `x` `n·h·w·c`, `y` `n·oh·ow·c`. `argmax` (like `y`, or empty to skip) gets the index inside the window, row-major
/// `ky·pw + kx`; among equals the first wins. A NaN counts only as the first element of a window; a window that lies
/// wholly in the padding gives −∞ and index 0.
pub fn forward(isa: Isa, p: &PoolGeometry, x: &[f32], y: &mut [f32], argmax: &mut [u16]) {
    p.images(x, y);
    p.check_argmax(y, argmax);
    dispatch!(isa, max_pool_forward(p, x, y, argmax), scalar::max_pool::forward);
}

/// The gradient: each `dy` goes to the pixel that was the largest of its window. Overwrites `dx` (zeros, then adds in the
/// order of `dy`, as windows may overlap).
///
/// `dy` and `argmax` `n·oh·ow·c`, `dx` `n·h·w·c`; `argmax` from [`forward`] with the same shape.
pub fn backward(isa: Isa, p: &PoolGeometry, dy: &[f32], argmax: &[u16], dx: &mut [f32]) {
    p.images(dx, dy);
    p.check_argmax(dy, argmax);
    assert_eq!(argmax.len(), dy.len(), "max_pool: backward needs argmax");
    dispatch!(isa, max_pool_backward(p, dy, dy, false, argmax, dx), scalar::max_pool::backward);
}

/// The gradient of pooling after relu, down to the input of the relu: like [`backward`], but `dy` counts only where the
/// pooled value `y` is above zero. Overwrites `dz`.
pub fn backward_relu(
    isa: Isa,
    p: &PoolGeometry,
    y: &[f32],
    dy: &[f32],
    argmax: &[u16],
    dz: &mut [f32],
) {
    p.images(dz, dy);
    p.check_argmax(dy, argmax);
    assert_eq!(argmax.len(), dy.len(), "max_pool: backward needs argmax");
    assert_eq!(y.len(), dy.len(), "max_pool: y and dy differ in length");
    dispatch!(isa, max_pool_backward(p, y, dy, true, argmax, dz), scalar::max_pool::backward);
}
