//! Average pooling over windows of an image, and its gradient.
//!
//! `y[oy, ox, c] = mean x[oy·stride_h + ky − pad_top, ox·stride_w + kx − pad_left, c]` over the pixels of the window `ph × pw` that
//! lie inside the image: padding does not count. Source: Keras `AveragePooling2D`, `channels_last`.

use crate::Isa;
use crate::isa::dispatch;
use crate::max_pool::PoolGeometry;
use crate::scalar;

/// The mean of each window. Overwrites `y`.
///
/// `x` `n·h·w·c`, `y` `n·oh·ow·c`. A window that lies wholly in the padding gives 0.
///
/// # Panics
/// If a length does not fit.
pub fn forward(isa: Isa, p: &PoolGeometry, x: &[f32], y: &mut [f32]) {
    p.images(x, y);
    dispatch!(isa, average_pool_forward(p, x, y), scalar::average_pool::forward);
}

/// The gradient of the input: each pixel of a window gets an equal share. Overwrites `dx`.
///
/// `dy` `n·oh·ow·c`, `dx` `n·h·w·c`.
///
/// # Panics
/// If a length does not fit.
pub fn backward(isa: Isa, p: &PoolGeometry, dy: &[f32], dx: &mut [f32]) {
    p.images(dx, dy);
    dispatch!(isa, average_pool_backward(p, dy, dx), scalar::average_pool::backward);
}
