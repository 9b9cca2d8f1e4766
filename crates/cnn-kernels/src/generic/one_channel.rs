//! Convolutions 3 × 3 over one channel, with stride 1: the first layer of a network that sees grey images.
//!
//! Nine products for each number that is written: too few for the loops of [`super::tile`] to pay. Here the whole kernel of a
//! register or two of filters stays in registers, and four pixels at a time are carried past it. Sums run in the order that
//! [`super::conv`] has.

use std::array::from_fn;
use std::ops::Range;

use super::max_pool::part;
use crate::conv::ConvGeometry;
use crate::max_pool::PoolGeometry;
use crate::simd::Simd;

/// Whether the kernels here do this convolution.
#[inline(always)]
pub(super) fn fits(g: &ConvGeometry) -> bool {
    (g.c, g.kh, g.kw) == (1, 3, 3)
        && (g.stride_h, g.stride_w, g.dilation_h, g.dilation_w) == (1, 1, 1, 1)
}

/// Whether they also do this pooling after it: 2 × 2, side by side, nothing padded.
#[inline(always)]
pub(super) fn fits_pooled(g: &ConvGeometry, p: &PoolGeometry) -> bool {
    fits(g)
        && (p.ph, p.pw, p.stride_h, p.stride_w) == (2, 2, 2, 2)
        && (g.pad_top, g.pad_left, p.pad_top, p.pad_left) == (0, 0, 0, 0)
        && g.oh + 2 <= g.h
        && g.ow + 2 <= g.w
        && 2 * p.oh <= p.h
        && 2 * p.ow <= p.w
}

/// Calls `$function` for all filters: two registers of them at a time where there are 32 registers, then one, then a part.
macro_rules! for_filters {
    ($s:ident, $S:ident, $f:expr, $function:ident($($arg:expr),* $(,)?)) => {
        let mut first = 0;
        while $S::REGISTERS >= 32 && $f - first >= 2 * $S::LANES {
            $function::<$S, 2>($s, first, $S::LANES, $($arg),*);
            first += 2 * $S::LANES;
        }
        while first < $f {
            let lanes = $S::LANES.min($f - first);
            $function::<$S, 1>($s, first, lanes, $($arg),*);
            first += lanes;
        }
    };
}

/// Pixels `columns` of output row `oy`, all of whose windows lie inside the image; `y` is that row.
#[inline(always)]
pub(super) fn forward_row<S: Simd>(
    s: S,
    g: &ConvGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    oy: usize,
    columns: Range<usize>,
    y: &mut [f32],
) {
    let rows: [&[f32]; 3] = from_fn(|ky| &x[(oy + ky - g.pad_top) * g.w..][..g.w]);
    let from = columns.start - g.pad_left;
    let rows = rows.map(|row| &row[from..][..columns.len() + 2]);
    let y = &mut y[columns.start * g.f..columns.end * g.f];
    for_filters!(s, S, g.f, pixels(g.f, rows, kernel, bias, relu, y));
}

/// All pixels of a row, for `VEC` registers of filters from `first`.
#[inline(always)]
fn pixels<S: Simd, const VEC: usize>(
    s: S,
    first: usize,
    lanes: usize,
    f: usize,
    rows: [&[f32]; 3],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
) {
    let filters = Filters::<S, VEC>::new(s, first, lanes, f, kernel, bias, relu);
    let mut at = 0;
    let n = rows[0].len() - 2;
    while n - at >= 4 {
        let patch: [[f32; 6]; 3] = from_fn(|ky| from_fn(|i| rows[ky][at + i]));
        let sums = filters.sums::<4>(s, |p, ky, kx| patch[ky][p + kx]);
        for (p, sums) in sums.into_iter().enumerate() {
            filters.store(s, sums, &mut y[(at + p) * f + first..]);
        }
        at += 4;
    }
    for at in at..n {
        let [sums] = filters.sums::<1>(s, |_, ky, kx| rows[ky][at + kx]);
        filters.store(s, sums, &mut y[at * f + first..]);
    }
}

/// Nine taps and a bias of `VEC` registers of filters. With `VEC == 1` only `lanes` of them exist.
struct Filters<S: Simd, const VEC: usize> {
    taps: [[S::V; VEC]; 9],
    bias: [S::V; VEC],
    relu: bool,
    lanes: usize,
}

impl<S: Simd, const VEC: usize> Filters<S, VEC> {
    #[inline(always)]
    fn new(
        s: S,
        first: usize,
        lanes: usize,
        f: usize,
        kernel: &[f32],
        bias: &[f32],
        relu: bool,
    ) -> Self {
        let taps = from_fn(|tap| from_fn(|v| load(s, &kernel[tap * f + first..], v, lanes)));
        let zero = [s.splat(0.0); VEC];
        let bias =
            if bias.is_empty() { zero } else { from_fn(|v| load(s, &bias[first..], v, lanes)) };
        Self { taps, bias, relu, lanes }
    }

    /// Convolution, bias and relu of `P` pixels; `x(pixel, ky, kx)` is what a tap sees.
    #[inline(always)]
    fn sums<const P: usize>(
        &self,
        s: S,
        x: impl Fn(usize, usize, usize) -> f32,
    ) -> [[S::V; VEC]; P] {
        let mut sums = [[s.splat(0.0); VEC]; P];
        for ky in 0..3 {
            for kx in 0..3 {
                for (p, sums) in sums.iter_mut().enumerate() {
                    let x = s.splat(x(p, ky, kx));
                    for (sum, &tap) in sums.iter_mut().zip(&self.taps[ky * 3 + kx]) {
                        *sum = s.fma(x, tap, *sum);
                    }
                }
            }
        }
        for sums in &mut sums {
            for (sum, &bias) in sums.iter_mut().zip(&self.bias) {
                *sum = s.add(*sum, bias);
                if self.relu {
                    *sum = s.max(s.splat(0.0), *sum);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn store(&self, s: S, sums: [S::V; VEC], y: &mut [f32]) {
        for (v, sum) in sums.into_iter().enumerate() {
            store(s, sum, y, v, self.lanes);
        }
    }
}

/// Register `v` of `from`: whole, or its first `lanes`.
#[inline(always)]
fn load<S: Simd>(s: S, from: &[f32], v: usize, lanes: usize) -> S::V {
    let from = &from[v * S::LANES..][..lanes];
    if lanes < S::LANES { s.load_part(from) } else { s.load(from) }
}

#[inline(always)]
fn store<S: Simd>(s: S, value: S::V, to: &mut [f32], v: usize, lanes: usize) {
    let to = &mut to[v * S::LANES..][..lanes];
    if lanes < S::LANES { s.store_part(value, to) } else { s.store(value, to) }
}

/// Where the winners of one register are written, or read.
#[inline(always)]
fn load_u16<S: Simd>(s: S, from: &[u16], v: usize, lanes: usize) -> S::V {
    let from = &from[v * S::LANES..][..lanes];
    if lanes == S::LANES {
        return s.load_u16(from);
    }
    let mut whole = [0; 16];
    whole[..lanes].copy_from_slice(from);
    s.load_u16(&whole)
}

#[inline(always)]
fn store_u16<S: Simd>(s: S, value: S::V, to: &mut [u16], v: usize, lanes: usize) {
    let to = &mut to[v * S::LANES..][..lanes];
    if lanes == S::LANES {
        return s.store_u16(value, to);
    }
    let mut whole = [0; 16];
    s.store_u16(value, &mut whole);
    to.copy_from_slice(&whole[..lanes]);
}

/// Convolution, bias, relu and 2 × 2 pooling: the four pixels of a window are summed at once, and only the largest is written.
#[inline(always)]
pub(super) fn forward_pooled<S: Simd>(
    s: S,
    g: &ConvGeometry,
    p: &PoolGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
    argmax: &mut [u16],
) {
    for (i, (x, y)) in
        x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(p.output_len())).enumerate()
    {
        let argmax = part(argmax, i * p.output_len(), p.output_len());
        for_filters!(s, S, g.f, windows(g, p, x, kernel, bias, relu, y, argmax));
    }
}

#[inline(always)]
fn windows<S: Simd, const VEC: usize>(
    s: S,
    first: usize,
    lanes: usize,
    g: &ConvGeometry,
    p: &PoolGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    y: &mut [f32],
    argmax: &mut [u16],
) {
    let filters = Filters::<S, VEC>::new(s, first, lanes, g.f, kernel, bias, relu);
    for oy in 0..p.oh {
        let rows: [&[f32]; 4] = from_fn(|r| &x[(2 * oy + r) * g.w..][..2 * p.ow + 2]);
        for ox in 0..p.ow {
            let patch: [[f32; 4]; 4] = from_fn(|r| from_fn(|i| rows[r][2 * ox + i]));
            let sums = filters.sums::<4>(s, |q, ky, kx| patch[q / 2 + ky][q % 2 + kx]);
            let to = (oy * p.ow + ox) * p.c + first;
            for v in 0..VEC {
                let (mut best, mut index) = (sums[0][v], s.splat(0.0));
                for (q, sums) in sums.iter().enumerate().skip(1) {
                    let larger = s.gt(sums[v], best);
                    best = s.select(larger, sums[v], best);
                    index = s.select(larger, s.splat(q as f32), index);
                }
                store(s, best, &mut y[to..], v, lanes);
                if !argmax.is_empty() {
                    store_u16(s, index, &mut argmax[to..], v, lanes);
                }
            }
        }
    }
}

/// The gradient of kernel and bias, from the gradient of what [`forward_pooled`] wrote: nothing is spread over the image.
#[inline(always)]
pub(super) fn backward_pooled<S: Simd>(
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
) {
    for_filters!(s, S, g.f, taps(g, p, relu, x, y, dy, argmax, dkernel, dbias));
}

/// The gradient of `VEC` registers of filters from `first`, over all images.
#[inline(always)]
fn taps<S: Simd, const VEC: usize>(
    s: S,
    first: usize,
    lanes: usize,
    g: &ConvGeometry,
    p: &PoolGeometry,
    relu: bool,
    x: &[f32],
    y: &[f32],
    dy: &[f32],
    argmax: &[u16],
    dkernel: &mut [f32],
    dbias: &mut [f32],
) {
    let mut sums: [[S::V; VEC]; 9] =
        from_fn(|tap| from_fn(|v| load(s, &dkernel[tap * g.f + first..], v, lanes)));
    let zero = s.splat(0.0);
    let mut bias = [zero; VEC];
    if !dbias.is_empty() {
        bias = from_fn(|v| load(s, &dbias[first..], v, lanes));
    }
    for (i, x) in x.chunks_exact(g.input_len()).enumerate() {
        for row in 0..2 * p.oh {
            let rows: [&[f32]; 3] = from_fn(|ky| &x[(row + ky) * g.w..][..2 * p.ow + 2]);
            for ox in 0..p.ow {
                let from = i * p.output_len() + (row / 2 * p.ow + ox) * p.c + first;
                let gradient: [S::V; VEC] = from_fn(|v| {
                    let gradient = load(s, &dy[from..], v, lanes);
                    if !relu {
                        return gradient;
                    }
                    s.select(s.gt(load(s, &y[from..], v, lanes), zero), gradient, zero)
                });
                let index: [S::V; VEC] = from_fn(|v| load_u16(s, &argmax[from..], v, lanes));
                for column in 0..2 {
                    let q = s.splat((row % 2 * 2 + column) as f32);
                    let dz: [S::V; VEC] =
                        from_fn(|v| s.select(s.eq(index[v], q), gradient[v], zero));
                    for ky in 0..3 {
                        for kx in 0..3 {
                            let x = s.splat(rows[ky][2 * ox + column + kx]);
                            for v in 0..VEC {
                                let sum = &mut sums[ky * 3 + kx][v];
                                *sum = s.fma(x, dz[v], *sum);
                            }
                        }
                    }
                    for v in 0..VEC {
                        bias[v] = s.add(bias[v], dz[v]);
                    }
                }
            }
        }
    }
    for v in 0..VEC {
        for (tap, sums) in sums.iter().enumerate() {
            store(s, sums[v], &mut dkernel[tap * g.f + first..], v, lanes);
        }
        if !dbias.is_empty() {
            store(s, bias[v], &mut dbias[first..], v, lanes);
        }
    }
}
