//! Numbers and shapes for the tests.
#![expect(dead_code, reason = "each test binary uses a part of it")]

use cnn_kernels::Isa;
use cnn_kernels::conv::ConvGeometry;
use cnn_kernels::max_pool::PoolGeometry;

/// Every instruction set but the plain loops.
pub(crate) fn vectorised() -> Vec<Isa> {
    Isa::available().into_iter().filter(|isa| isa.name() != "scalar").collect()
}

pub(crate) fn scalar() -> Isa {
    Isa::named("scalar").expect("always there")
}

/// `len` repeatable numbers in −1..1; about one in four is zero.
pub(crate) fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..len)
        .map(|_| {
            let x = next();
            if next() < -0.5 { 0.0 } else { x }
        })
        .collect()
}

/// Like [`numbers`], with few that are not zero, as gradients are after pooling and relu.
pub(crate) fn sparse(seed: u64, len: usize) -> Vec<f32> {
    let (x, keep) = (numbers(seed, len), numbers(seed + 1, len));
    x.iter().zip(keep).map(|(x, keep)| if keep > 0.8 { *x } else { 0.0 }).collect()
}

pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Fails unless every number of `got` has the bits of `expected`.
pub(crate) fn assert_same(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    if let Some(i) = (0..got.len()).find(|i| got[*i].to_bits() != expected[*i].to_bits()) {
        panic!("{what}: at {i} of {}: got {:?}, expected {:?}", got.len(), got[i], expected[i]);
    }
}

/// Fails unless every number of `got` is `expected`, up to the rounding of a sum of `terms` numbers below 1.
pub(crate) fn assert_close(got: &[f32], expected: &[f64], terms: usize, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let tolerance = 1e-6 * (2.0 + terms as f64);
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*got) - expected).abs() <= tolerance,
            "{what}: at {i}: got {got}, expected {expected}"
        );
    }
}

/// A convolution with equal padding before and after given for each axis.
pub(crate) fn conv(
    (h, w, c, f): (usize, usize, usize, usize),
    (kh, kw): (usize, usize),
    (stride_h, stride_w): (usize, usize),
    pad: (usize, usize, usize, usize),
) -> Option<ConvGeometry> {
    let (top, bottom, left, right) = pad;
    let (high, wide) = (h + top + bottom, w + left + right);
    let geometry = ConvGeometry {
        h,
        w,
        c,
        kh,
        kw,
        f,
        groups: 1,
        stride_h,
        stride_w,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: top,
        pad_left: left,
        oh: high.checked_sub(kh)? / stride_h + 1,
        ow: wide.checked_sub(kw)? / stride_w + 1,
    };
    Some(geometry)
}

/// A convolution in `groups` groups whose taps lie `dilation` apart.
pub(crate) fn dilated(
    size: (usize, usize, usize, usize),
    kernel: (usize, usize),
    stride: (usize, usize),
    dilation: (usize, usize),
    groups: usize,
    pad: (usize, usize, usize, usize),
) -> Option<ConvGeometry> {
    let spread = |k: usize, d: usize| (k - 1) * d + 1;
    let spreads = (spread(kernel.0, dilation.0), spread(kernel.1, dilation.1));
    let (kh, kw) = kernel;
    let (dilation_h, dilation_w) = dilation;
    conv(size, spreads, stride, pad).map(|g| ConvGeometry {
        kh,
        kw,
        dilation_h,
        dilation_w,
        groups,
        ..g
    })
}

/// Pooling `ph × pw` without padding.
pub(crate) fn pool(
    h: usize,
    w: usize,
    c: usize,
    (ph, pw): (usize, usize),
    stride: (usize, usize),
) -> PoolGeometry {
    let (stride_h, stride_w) = stride;
    let out = |len: usize, p: usize, s: usize| if len < p { 0 } else { (len - p) / s + 1 };
    PoolGeometry {
        h,
        w,
        c,
        ph,
        pw,
        stride_h,
        stride_w,
        pad_top: 0,
        pad_left: 0,
        oh: out(h, ph, stride_h),
        ow: out(w, pw, stride_w),
    }
}
