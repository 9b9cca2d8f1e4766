//! Convolution and its gradients.
//!
//! Pixels that use the same taps of the kernel form rectangles: one for the interior, whose windows lie wholly inside the
//! image, and up to eight kinds along the padded border. Each rectangle is summed in tiles.

use std::ops::Range;

use super::one_channel;
use super::tile::{Loop, Start, Sum};
use crate::conv::ConvGeometry;
use crate::simd::Simd;

/// Terms that are summed for all pixels before the next ones, about: so few that their part of the kernel stays in the
/// first-level cache meanwhile.
const BLOCK: usize = 192;

/// Points are output pixels, columns are filters.
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
    if g.output_len() == 0 || g.input_len() == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len())) {
        forward_rows(s, g, x, kernel, bias, relu, 0..g.oh, y);
    }
}

/// Rows `rows` of the output of one image, to `y`.
#[inline(always)]
pub(super) fn forward_rows<S: Simd>(
    s: S,
    g: &ConvGeometry,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    relu: bool,
    rows: Range<usize>,
    y: &mut [f32],
) {
    for (ys, xs) in zones(rows.clone(), g.ow, |oy| g.rows(oy), |ox| g.columns(ox)) {
        let (kys, kxs) = (g.rows(ys.start), g.columns(xs.start));
        if one_channel::fits(g) && kys.len() == 3 && kxs.len() == 3 {
            for oy in ys {
                let y = &mut y[(oy - rows.start) * g.ow * g.f..][..g.ow * g.f];
                one_channel::forward_row(s, g, x, kernel, bias, relu, oy, xs.clone(), y);
            }
            continue;
        }
        let row = kxs.len() * g.c;
        let mut ky = kys.start;
        loop {
            let end = (ky + (BLOCK / row.max(1)).max(1)).min(kys.end);
            let last = end == kys.end;
            let sum = Sum {
                parts: &[(x, kernel)],
                k: (ky * g.kw + kxs.start) * g.c * g.f,
                loops: [
                    Loop { count: end - ky, x: g.w * g.c, k: g.kw * g.c * g.f },
                    Loop::ONCE,
                    Loop { count: row, x: 1, k: g.f },
                ],
                start: if ky == kys.start { Start::Zero } else { Start::Sum },
                bias: if last { bias } else { &[] },
                relu: relu && last,
            };
            let place = |(oy, ox): (usize, usize)| {
                // A window with no tap inside reads nothing: any place will do.
                let iy = (oy * g.stride_h + ky).saturating_sub(g.pad_top);
                let ix = (ox * g.stride_w + kxs.start).saturating_sub(g.pad_left);
                ((iy * g.w + ix) * g.c, ((oy - rows.start) * g.ow + ox) * g.f)
            };
            sum.sweep(s, 0..g.f, ys.len() * xs.len(), &pixels(ys.start, &xs).map(place), y);
            if last {
                break;
            }
            ky = end;
        }
    }
}

/// Points are input pixels, columns are channels. With stride 1 all pixels inside see the whole kernel; with others, those that
/// lie a stride apart see the same taps, and go together.
#[inline(always)]
pub(crate) fn backward_input<S: Simd>(
    s: S,
    g: &ConvGeometry,
    packed: &[f32],
    dz: &[f32],
    dx: &mut [f32],
) {
    if g.output_len() == 0 || g.input_len() == 0 {
        dx.fill(0.0);
        return;
    }
    for (dz, dx) in dz.chunks_exact(g.output_len()).zip(dx.chunks_exact_mut(g.input_len())) {
        for top in 0..g.stride_h.min(g.h) {
            for left in 0..g.stride_w.min(g.w) {
                gather(s, g, packed, dz, (top, left), dx);
            }
        }
    }
}

/// The pixels at `first` and any number of strides below it and to its right.
#[inline(always)]
fn gather<S: Simd>(
    s: S,
    g: &ConvGeometry,
    packed: &[f32],
    dz: &[f32],
    first: (usize, usize),
    dx: &mut [f32],
) {
    let (top, left) = (first.0 + g.pad_top, first.1 + g.pad_left);
    // The outputs whose windows contain a pixel: the last tap comes first.
    let rows = |y: usize| outputs(top + y * g.stride_h, g.kh, g.stride_h, g.oh);
    let columns = |x: usize| outputs(left + x * g.stride_w, g.kw, g.stride_w, g.ow);
    // The taps that those outputs see the pixel with, from the last output's to the one after the first output's.
    let row_taps = |y: usize| taps(rows(y), top + y * g.stride_h, g.stride_h);
    let column_taps = |x: usize| taps(columns(x), left + x * g.stride_w, g.stride_w);
    let height = (g.h - first.0).div_ceil(g.stride_h);
    let width = (g.w - first.1).div_ceil(g.stride_w);
    for (ys, xs) in zones(0..height, width, row_taps, column_taps) {
        let (kys, kxs) = (row_taps(ys.start), column_taps(xs.start));
        let (oys, oxs) = (rows(ys.start), columns(xs.start));
        let empty = oys.is_empty() || oxs.is_empty();
        let (step_h, step_w) = (g.stride_h * g.kw * g.c, g.stride_w * g.c);
        let sum = Sum {
            parts: &[(dz, packed)],
            k: if empty { 0 } else { ((kys.end - 1) * g.kw + kxs.end - 1) * g.c },
            loops: [
                Loop { count: oys.len(), x: g.ow * g.f, k: step_h.wrapping_neg() },
                Loop { count: oxs.len(), x: g.f, k: step_w.wrapping_neg() },
                Loop { count: g.f, x: 1, k: g.kh * g.kw * g.c },
            ],
            start: Start::Zero,
            bias: &[],
            relu: false,
        };
        // A stride further, the same taps belong to the next output.
        let place = |(y, x): (usize, usize)| {
            let (oy, ox) = (oys.start + y - ys.start, oxs.start + x - xs.start);
            let (iy, ix) = (first.0 + y * g.stride_h, first.1 + x * g.stride_w);
            ((oy * g.ow + ox) * g.f, (iy * g.w + ix) * g.c)
        };
        sum.sweep(s, 0..g.c, ys.len() * xs.len(), &pixels(ys.start, &xs).map(place), dx);
    }
}

/// The outputs whose windows contain the pixel at `at` of the padded image: those that begin at it or before it, and after `at - k`.
#[inline(always)]
fn outputs(at: usize, k: usize, stride: usize, count: usize) -> Range<usize> {
    (at + 1).saturating_sub(k).div_ceil(stride)..(at / stride + 1).min(count)
}

/// The taps with which `outputs` see the pixel at `at` of the padded image; empty if there are none.
#[inline(always)]
fn taps(outputs: Range<usize>, at: usize, stride: usize) -> Range<usize> {
    if outputs.is_empty() {
        return 0..0;
    }
    at - (outputs.end - 1) * stride..at + 1 - outputs.start * stride
}

/// Points are taps, columns are filters; the sums run over the pixels of all images. Taps that see the same pixels go
/// together: all of them if nothing is padded, else the channels of one position of the kernel.
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
    let loops = |oys: usize, oxs: usize| {
        [
            Loop { count: x.len() / g.input_len(), x: g.input_len(), k: g.output_len() },
            Loop { count: oys, x: g.stride_h * g.w * g.c, k: g.ow * g.f },
            Loop { count: oxs, x: g.stride_w * g.c, k: g.f },
        ]
    };
    let unpadded = (0..g.oh).all(|oy| g.rows(oy) == (0..g.kh))
        && (0..g.ow).all(|ox| g.columns(ox) == (0..g.kw));
    if unpadded && g.pad_top == 0 && g.pad_left == 0 {
        let sum = Sum {
            parts: &[(x, dz)],
            k: 0,
            loops: loops(g.oh, g.ow),
            start: Start::Sum,
            bias: &[],
            relu: false,
        };
        let row = g.kw * g.c;
        let place = |(y, x): (usize, usize)| (y * g.w * g.c + x, (y * row + x) * g.f);
        sum.sweep(s, 0..g.f, g.kh * row, &pixels(0, &(0..row)).map(place), dkernel);
        return;
    }
    for ky in 0..g.kh {
        let oys = seen(g.oh, |oy| g.rows(oy).contains(&ky));
        for kx in 0..g.kw {
            let oxs = seen(g.ow, |ox| g.columns(ox).contains(&kx));
            if oys.is_empty() || oxs.is_empty() {
                continue;
            }
            let sum = Sum {
                parts: &[(x, dz)],
                k: (oys.start * g.ow + oxs.start) * g.f,
                loops: loops(oys.len(), oxs.len()),
                start: Start::Sum,
                bias: &[],
                relu: false,
            };
            let iy = oys.start * g.stride_h + ky - g.pad_top;
            let ix = oxs.start * g.stride_w + kx - g.pad_left;
            let place = |c: usize| ((iy * g.w + ix) * g.c + c, ((ky * g.kw + kx) * g.c + c) * g.f);
            sum.sweep(s, 0..g.f, g.c, &(0..g.c).map(place), dkernel);
        }
    }
}

/// The outputs of `0..len` for which `sees`, which must be neighbours.
#[inline(always)]
fn seen(len: usize, sees: impl Fn(usize) -> bool) -> Range<usize> {
    let start = (0..len).position(&sees).unwrap_or(len);
    let end = (start..len).find(|o| !sees(*o)).unwrap_or(len);
    start..end
}

/// Cuts the pixels `rows × 0..width` into rectangles in which all pixels have the same taps.
///
/// An iterator and not a function that calls back: a closure is compiled for any processor, and kernels inside it would be
/// calls, not instructions.
struct Zones<R, C> {
    rows: Range<usize>,
    width: usize,
    row_taps: R,
    column_taps: C,
    /// Where the next rectangle begins.
    at: (usize, usize),
}

#[inline(always)]
fn zones<R, C>(rows: Range<usize>, width: usize, row_taps: R, column_taps: C) -> Zones<R, C> {
    let at = (rows.start, 0);
    Zones { rows, width, row_taps, column_taps, at }
}

impl<R, C> Iterator for Zones<R, C>
where
    R: Fn(usize) -> Range<usize>,
    C: Fn(usize) -> Range<usize>,
{
    type Item = (Range<usize>, Range<usize>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (y, x) = self.at;
        if y >= self.rows.end || self.width == 0 {
            return None;
        }
        let same_row = |other: &usize| (self.row_taps)(*other) == (self.row_taps)(y);
        let same_column = |other: &usize| (self.column_taps)(*other) == (self.column_taps)(x);
        let y_end = (y..self.rows.end).find(|other| !same_row(other)).unwrap_or(self.rows.end);
        let x_end = (x..self.width).find(|other| !same_column(other)).unwrap_or(self.width);
        self.at = if x_end < self.width { (y, x_end) } else { (y_end, 0) };
        Some((y..y_end, x..x_end))
    }
}

/// Row and column of the pixels of a rectangle, row by row, without an end.
#[inline(always)]
fn pixels(top: usize, xs: &Range<usize>) -> Pixels {
    Pixels { at: (top, xs.start), xs: xs.clone() }
}

#[derive(Clone)]
struct Pixels {
    at: (usize, usize),
    xs: Range<usize>,
}

impl Iterator for Pixels {
    type Item = (usize, usize);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        let (y, x) = self.at;
        self.at = if x + 1 < self.xs.end { (y, x + 1) } else { (y + 1, self.xs.start) };
        Some((y, x))
    }
}
