//! Shapes and numbers for the examples that measure kernels.

use cnn_kernels::Buffer;
use cnn_kernels::conv::ConvGeometry;
use cnn_kernels::max_pool::PoolGeometry;

/// A 3 × 3 convolution without padding of a square image, from `c` channels to `f` filters, and 2 × 2 pooling after it.
pub(crate) fn block(side: usize, c: usize, f: usize) -> (ConvGeometry, PoolGeometry) {
    let (o, half) = (side - 2, (side - 2) / 2);
    let conv = ConvGeometry {
        h: side,
        w: side,
        c,
        kh: 3,
        kw: 3,
        f,
        groups: 1,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: 0,
        pad_left: 0,
        oh: o,
        ow: o,
    };
    let pool = PoolGeometry {
        h: o,
        w: o,
        c: f,
        ph: 2,
        pw: 2,
        stride_h: 2,
        stride_w: 2,
        pad_top: 0,
        pad_left: 0,
        oh: half,
        ow: half,
    };
    (conv, pool)
}

/// Repeatable numbers in −1..1.
pub(crate) fn numbers(seed: u64, len: usize) -> Buffer {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    let mut numbers = Buffer::zeros(len);
    numbers.fill_with(&mut next);
    numbers
}
