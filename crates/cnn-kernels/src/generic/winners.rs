//! Gradients of a convolution that max pooling follows, from the winners of its windows alone.
//!
//! Pooling hands its gradient to one pixel of each window and relu to some of these: of the gradient of the convolution's
//! output three quarters and more are zero. Instead of spreading it over the image and multiplying by zeros, both gradients
//! here go through a list of the numbers that are not zero. Each number that is written is summed in the order that
//! [`super::conv`] has, so that both give the same bits.

use crate::conv::ConvGeometry;
use crate::max_pool::PoolGeometry;
use crate::simd::Simd;

/// Winners in a list, at most; also the filters in a word of bits.
const CAPACITY: usize = 64;

/// Winners of one filter in a list of its own, at most.
const LIST: usize = 32;

/// One number of the gradient that is not zero, and where what it is multiplied with begins.
#[derive(Clone, Copy, Default)]
struct Winner {
    dz: f32,
    at: u32,
}

/// A pooled gradient: what the pooling gave, its gradient, and which pixel of each window won.
#[derive(Clone, Copy)]
pub(super) struct Pooled<'a> {
    pub(super) relu: bool,
    pub(super) y: &'a [f32],
    pub(super) dy: &'a [f32],
    pub(super) argmax: &'a [u16],
}

impl Pooled<'_> {
    /// The gradients of image `i`.
    fn image(self, p: &PoolGeometry, i: usize) -> Self {
        let part = i * p.output_len()..(i + 1) * p.output_len();
        Self {
            y: &self.y[part.clone()],
            dy: &self.dy[part.clone()],
            argmax: &self.argmax[part],
            ..self
        }
    }

    /// Whether the gradient at `at` goes to pixel `q` of its window.
    #[inline(always)]
    fn wins(self, at: usize, q: usize) -> bool {
        self.argmax[at] as usize == q && (!self.relu || self.y[at] > 0.0)
    }

    /// The filters, of the `n` from `at`, for which pixel `q` wins, as bits.
    #[inline(always)]
    fn filters<S: Simd>(self, s: S, at: usize, n: usize, q: usize) -> u64 {
        let (mut bits, mut f) = (0, 0);
        while n - f >= S::LANES {
            let mut here = s.bits(s.eq(s.load_u16(&self.argmax[at + f..]), s.splat(q as f32)));
            if self.relu {
                here &= s.bits(s.gt(s.load(&self.y[at + f..]), s.splat(0.0)));
            }
            bits |= u64::from(here) << f;
            f += S::LANES;
        }
        for f in f..n {
            bits |= u64::from(self.wins(at + f, q)) << f;
        }
        bits
    }
}

/// Whether the gradients here do this: windows side by side and inside the image, nothing padded.
#[inline(always)]
pub(super) fn fits(g: &ConvGeometry, p: &PoolGeometry) -> bool {
    (g.groups, g.dilation_h, g.dilation_w) == (1, 1, 1)
        && (p.stride_h, p.stride_w, p.pad_top, p.pad_left) == (p.ph, p.pw, 0, 0)
        && p.oh * p.ph <= p.h
        && p.ow * p.pw <= p.w
        && (g.pad_top, g.pad_left) == (0, 0)
        && (g.oh.max(1) - 1) * g.stride_h + g.kh <= g.h
        && (g.ow.max(1) - 1) * g.stride_w + g.kw <= g.w
        && u32::try_from(g.input_len().max(g.kernel_len())).is_ok()
}

/// The gradient of kernel and bias, filter by filter. `sums` has the kernel's length.
#[inline(always)]
pub(super) fn backward_kernel<S: Simd>(
    s: S,
    g: &ConvGeometry,
    p: &PoolGeometry,
    pooled: Pooled<'_>,
    x: &[f32],
    dkernel: &mut [f32],
    dbias: &mut [f32],
    sums: &mut [f32],
) {
    let taps = g.kh * g.kw * g.c;
    transpose(dkernel, g.f, sums);
    let mut lists = [[Winner::default(); LIST]; CAPACITY];
    for (i, x) in x.chunks_exact(g.input_len()).enumerate() {
        let pooled = pooled.image(p, i);
        let mut first = 0;
        while first < g.f {
            let n = CAPACITY.min(g.f - first);
            let mut lens = [0; CAPACITY];
            for row in 0..p.oh * p.ph {
                for column in 0..p.ow * p.pw {
                    let at = (row / p.ph * p.ow + column / p.pw) * p.c + first;
                    let q = row % p.ph * p.pw + column % p.pw;
                    let from = (row * g.stride_h * g.w + column * g.stride_w) * g.c;
                    let mut bits = pooled.filters(s, at, n, q);
                    while bits != 0 {
                        let f = bits.trailing_zeros() as usize % CAPACITY;
                        bits &= bits - 1;
                        if lens[f] == LIST {
                            add(s, g, &lists[f], x, sums, dbias, first + f);
                            lens[f] = 0;
                        }
                        lists[f][lens[f]] = Winner { dz: pooled.dy[at + f], at: from as u32 };
                        lens[f] += 1;
                    }
                }
            }
            for f in 0..n {
                add(s, g, &lists[f][..lens[f]], x, sums, dbias, first + f);
            }
            first += n;
        }
    }
    transpose(sums, taps, dkernel);
}

/// Adds the winners of filter `f` to its kernel's gradient, which is part of `sums`, and to its bias's.
#[inline(always)]
fn add<S: Simd>(
    s: S,
    g: &ConvGeometry,
    list: &[Winner],
    x: &[f32],
    sums: &mut [f32],
    dbias: &mut [f32],
    f: usize,
) {
    let taps = g.kh * g.kw * g.c;
    for (ky, sums) in sums[f * taps..][..taps].chunks_exact_mut(g.kw * g.c).enumerate() {
        add_row(s, list, x, ky * g.w * g.c, sums);
    }
    if let Some(bias) = dbias.get_mut(f) {
        *bias = list.iter().fold(*bias, |bias, winner| bias + winner.dz);
    }
}

/// `sums += Σ dz · from[at + start..]`, as many numbers as `sums` has.
#[inline(always)]
fn add_row<S: Simd>(s: S, list: &[Winner], from: &[f32], start: usize, sums: &mut [f32]) {
    let mut c = 0;
    while sums.len() - c >= 12 * S::LANES {
        add_registers::<S, 12>(s, list, from, start + c, &mut sums[c..]);
        c += 12 * S::LANES;
    }
    while sums.len() - c >= 6 * S::LANES {
        add_registers::<S, 6>(s, list, from, start + c, &mut sums[c..]);
        c += 6 * S::LANES;
    }
    while sums.len() - c >= 3 * S::LANES {
        add_registers::<S, 3>(s, list, from, start + c, &mut sums[c..]);
        c += 3 * S::LANES;
    }
    while sums.len() - c >= S::LANES {
        add_registers::<S, 1>(s, list, from, start + c, &mut sums[c..]);
        c += S::LANES;
    }
    if c < sums.len() {
        let sums = &mut sums[c..];
        let mut sum = s.load_part(sums);
        for winner in list {
            let from = &from[winner.at as usize + start + c..][..sums.len()];
            sum = s.fma(s.splat(winner.dz), s.load_part(from), sum);
        }
        s.store_part(sum, sums);
    }
}

#[inline(always)]
fn add_registers<S: Simd, const V: usize>(
    s: S,
    list: &[Winner],
    from: &[f32],
    start: usize,
    sums: &mut [f32],
) {
    let sums = &mut sums[..V * S::LANES];
    let mut acc = [s.splat(0.0); V];
    for (acc, sums) in acc.iter_mut().zip(sums.chunks_exact(S::LANES)) {
        *acc = s.load(sums);
    }
    for winner in list {
        let from = &from[winner.at as usize + start..][..V * S::LANES];
        let dz = s.splat(winner.dz);
        for v in 0..V {
            acc[v] = s.fma(dz, s.load(&from[v * S::LANES..]), acc[v]);
        }
    }
    for (acc, sums) in acc.iter().zip(sums.chunks_exact_mut(S::LANES)) {
        s.store(*acc, sums);
    }
}

/// The gradient of the input, pixel of the output by pixel of the output. Overwrites `dx`.
#[inline(always)]
pub(super) fn backward_input<S: Simd>(
    s: S,
    g: &ConvGeometry,
    p: &PoolGeometry,
    pooled: Pooled<'_>,
    packed: &[f32],
    dx: &mut [f32],
) {
    let (taps, len) = (g.kh * g.kw * g.c, g.kw * g.c);
    dx.fill(0.0);
    let mut list = [Winner::default(); CAPACITY];
    for (i, dx) in dx.chunks_exact_mut(g.input_len()).enumerate() {
        let pooled = pooled.image(p, i);
        for row in 0..p.oh * p.ph {
            for column in 0..p.ow * p.pw {
                let at = (row / p.ph * p.ow + column / p.pw) * p.c;
                let q = row % p.ph * p.pw + column % p.pw;
                let to = (row * g.stride_h * g.w + column * g.stride_w) * g.c;
                let mut first = 0;
                while first < g.f {
                    let n = CAPACITY.min(g.f - first);
                    let mut bits = pooled.filters(s, at + first, n, q);
                    let mut count = 0;
                    while bits != 0 {
                        let f = first + bits.trailing_zeros() as usize;
                        list[count % CAPACITY] =
                            Winner { dz: pooled.dy[at + f], at: (f * taps) as u32 };
                        count += 1;
                        bits &= bits - 1;
                    }
                    for ky in 0..g.kh {
                        let dx = &mut dx[to + ky * g.w * g.c..][..len];
                        add_row(s, &list[..count], packed, ky * len, dx);
                    }
                    first += n;
                }
            }
        }
    }
}

/// The matrix `from`, whose rows have `columns` numbers, with rows and columns exchanged.
#[inline(always)]
fn transpose(from: &[f32], columns: usize, to: &mut [f32]) {
    /// Rows at a time: a line of cache in `to`.
    const ROWS: usize = 16;
    let rows = from.len().checked_div(columns).unwrap_or(0);
    for first in (0..rows).step_by(ROWS) {
        let last = rows.min(first + ROWS);
        for column in 0..columns {
            for row in first..last {
                to[column * rows + row] = from[row * columns + column];
            }
        }
    }
}
