//! Convolution and its gradients.
//!
//! The functions that are generic over `EACH` are those of [`super::depthwise`] too: each lane is then a channel of the image, with
//! its own filter, and there is one group.
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
pub(crate) fn forward<S: Simd, const EACH: bool>(
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
        forward_rows::<S, EACH>(s, g, x, kernel, bias, relu, 0..g.oh, y);
    }
}

/// Rows `rows` of the output of one image, to `y`.
#[inline(always)]
pub(super) fn forward_rows<S: Simd, const EACH: bool>(
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
        for group in 0..groups::<EACH>(g) {
            let (channel, filters) =
                (group * g.group_channels(), columns(g.f, group, groups::<EACH>(g)));
            let row = kxs.len() * g.group_channels();
            let mut ky = kys.start;
            loop {
                let end = (ky + (BLOCK / row.max(1)).max(1)).min(kys.end);
                let last = end == kys.end;
                let [side, inner] = row_loops(g, kxs.len());
                let (high, tap) = (g.dilation_h * g.w * g.c, g.group_channels() * g.f);
                let sum = Sum {
                    parts: &[(x, kernel)],
                    k: (ky * g.kw + kxs.start) * tap,
                    loops: [Loop { count: end - ky, x: high, k: g.kw * tap }, side, inner],
                    start: if ky == kys.start { Start::Zero } else { Start::Sum },
                    bias: if last { bias } else { &[] },
                    relu: relu && last,
                };
                let place = |(oy, ox): (usize, usize)| {
                    // A window with no tap inside reads nothing: any place will do.
                    let iy = (oy * g.stride_h + ky * g.dilation_h).saturating_sub(g.pad_top);
                    let ix =
                        (ox * g.stride_w + kxs.start * g.dilation_w).saturating_sub(g.pad_left);
                    let to = ((oy - rows.start) * g.ow + ox) * g.f;
                    ((iy * g.w + ix) * g.c + channel, to)
                };
                let (points, places) = (ys.len() * xs.len(), pixels(ys.start, &xs).map(place));
                sweep::<S, EACH>(s, &sum, filters.clone(), points, &places, y);
                if last {
                    break;
                }
                ky = end;
            }
        }
    }
}

/// Groups that are summed one after the other.
#[inline(always)]
fn groups<const EACH: bool>(g: &ConvGeometry) -> usize {
    if EACH { 1 } else { g.groups }
}

/// The part of `0..all` that belongs to one of `groups` groups.
#[inline(always)]
fn columns(all: usize, group: usize, groups: usize) -> Range<usize> {
    group * all / groups..(group + 1) * all / groups
}

/// The two inner loops over a row of `taps` taps and the channels of a group: one, where they lie side by side.
#[inline(always)]
fn row_loops(g: &ConvGeometry, taps: usize) -> [Loop; 2] {
    let c = g.group_channels();
    if g.groups == 1 && g.dilation_w == 1 {
        return [Loop::ONCE, Loop { count: taps * c, x: 1, k: g.f }];
    }
    let taps = Loop { count: taps, x: g.dilation_w * g.c, k: c * g.f };
    if c == 1 { [Loop::ONCE, taps] } else { [taps, Loop { count: c, x: 1, k: g.f }] }
}

#[inline(always)]
fn sweep<S: Simd, const EACH: bool>(
    s: S,
    sum: &Sum<'_>,
    columns: Range<usize>,
    points: usize,
    places: &(impl Iterator<Item = (usize, usize)> + Clone),
    y: &mut [f32],
) {
    if EACH {
        sum.sweep_lanes(s, columns, points, places, y);
    } else {
        sum.sweep(s, columns, points, places, y);
    }
}

/// Points are input pixels, columns are channels. With stride 1 all pixels inside see the whole kernel; with others, those that
/// lie a stride apart see the same taps, and go together.
#[inline(always)]
pub(crate) fn backward_input<S: Simd, const EACH: bool>(
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
                gather::<S, EACH>(s, g, packed, dz, (top, left), dx);
            }
        }
    }
}

/// The pixels at `first` and any number of strides below it and to its right.
#[inline(always)]
fn gather<S: Simd, const EACH: bool>(
    s: S,
    g: &ConvGeometry,
    packed: &[f32],
    dz: &[f32],
    first: (usize, usize),
    dx: &mut [f32],
) {
    let (top, left) = (first.0 + g.pad_top, first.1 + g.pad_left);
    let row_taps = |y: usize| taps(top + y * g.stride_h, g.kh, g.stride_h, g.dilation_h, g.oh);
    let column_taps = |x: usize| taps(left + x * g.stride_w, g.kw, g.stride_w, g.dilation_w, g.ow);
    let height = (g.h - first.0).div_ceil(g.stride_h);
    let width = (g.w - first.1).div_ceil(g.stride_w);
    for (ys, xs) in zones(0..height, width, row_taps, column_taps) {
        let (kys, kxs) = (row_taps(ys.start), column_taps(xs.start));
        let empty = kys.is_empty() || kxs.is_empty();
        // The first output that sees a pixel does so with the last tap; the next one lies a dilation further, and its tap a stride
        // before.
        let (ky, kx) = (kys.end.max(1) - 1, kxs.end.max(1) - 1);
        let oy = (top + ys.start * g.stride_h - ky * g.dilation_h) / g.stride_h;
        let ox = (left + xs.start * g.stride_w - kx * g.dilation_w) / g.stride_w;
        let counts = (kys.len().div_ceil(g.stride_h), kxs.len().div_ceil(g.stride_w));
        for group in 0..groups::<EACH>(g) {
            let filter = group * g.group_filters();
            let sum = Sum {
                parts: &[(dz, packed)],
                k: if empty { 0 } else { g.packed_tap(ky, kx) * g.c },
                loops: gather_loops(g, counts),
                start: Start::Zero,
                bias: &[],
                relu: false,
            };
            // A stride further, the same taps belong to the next output.
            let place = |(y, x): (usize, usize)| {
                let (oy, ox) = (oy + y - ys.start, ox + x - xs.start);
                let (iy, ix) = (first.0 + y * g.stride_h, first.1 + x * g.stride_w);
                ((oy * g.ow + ox) * g.f + filter, (iy * g.w + ix) * g.c)
            };
            let (points, places) = (ys.len() * xs.len(), pixels(ys.start, &xs).map(place));
            sweep::<S, EACH>(s, &sum, columns(g.c, group, groups::<EACH>(g)), points, &places, dx);
        }
    }
}

/// The loops over as many rows and columns of outputs, and the filters of a group.
#[inline(always)]
fn gather_loops(g: &ConvGeometry, (rows, columns): (usize, usize)) -> [Loop; 3] {
    let (down, right) = (g.dilation_h * g.ow * g.f, g.dilation_w * g.f);
    let (tap_down, tap_right) = (g.stride_h * g.kw * g.c, g.stride_w * g.c);
    if g.is_depthwise() {
        // The packed kernel is turned around.
        return [
            Loop { count: rows, x: down, k: tap_down },
            Loop::ONCE,
            Loop { count: columns, x: right, k: tap_right },
        ];
    }
    [
        Loop { count: rows, x: down, k: tap_down.wrapping_neg() },
        Loop { count: columns, x: right, k: tap_right.wrapping_neg() },
        Loop { count: g.group_filters(), x: 1, k: g.kh * g.kw * g.c },
    ]
}

/// The taps with which the outputs `0..count` see the pixel at `at` of the padded image: every `stride`-th of this range, from its
/// end. Empty if there are none.
#[inline(always)]
fn taps(at: usize, k: usize, stride: usize, dilation: usize, count: usize) -> Range<usize> {
    if dilation > 1 {
        let first = (at + 1).saturating_sub(count).div_ceil(dilation);
        return first..(at / dilation + 1).min(k).max(first);
    }
    // Outputs whose windows begin at the pixel or before it, and after `at - k`.
    let outputs = (at + 1).saturating_sub(k).div_ceil(stride)..(at / stride + 1).min(count);
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
    let parts = [(x, dz)];
    let unpadded = (0..g.oh).all(|oy| g.rows(oy) == (0..g.kh))
        && (0..g.ow).all(|ox| g.columns(ox) == (0..g.kw));
    if unpadded && (g.pad_top, g.pad_left, g.groups, g.dilation_w) == (0, 0, 1, 1) {
        let sum = added(&parts, 0, loops(g.oh, g.ow));
        let (high, row) = (g.dilation_h * g.w * g.c, g.kw * g.c);
        let place = |(y, x): (usize, usize)| (y * high + x, (y * row + x) * g.f);
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
            let k = (oys.start * g.ow + oxs.start) * g.f;
            let sum = added(&parts, k, loops(oys.len(), oxs.len()));
            let iy = oys.start * g.stride_h + ky * g.dilation_h - g.pad_top;
            let ix = oxs.start * g.stride_w + kx * g.dilation_w - g.pad_left;
            let (from, tap, each) = ((iy * g.w + ix) * g.c, ky * g.kw + kx, g.group_channels());
            for group in 0..g.groups {
                let place = |c| (from + group * each + c, (tap * each + c) * g.f);
                let filters = columns(g.f, group, g.groups);
                sum.sweep(s, filters, each, &(0..each).map(place), dkernel);
            }
        }
    }
}

/// A sum that is added to what is there.
#[inline(always)]
pub(super) fn added<'a>(
    parts: &'a [(&'a [f32], &'a [f32])],
    k: usize,
    loops: [Loop; 3],
) -> Sum<'a> {
    Sum { parts, k, loops, start: Start::Sum, bias: &[], relu: false }
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
pub(super) struct Zones<R, C> {
    rows: Range<usize>,
    width: usize,
    row_taps: R,
    column_taps: C,
    /// Where the next rectangle begins.
    at: (usize, usize),
}

#[inline(always)]
pub(super) fn zones<R, C>(
    rows: Range<usize>,
    width: usize,
    row_taps: R,
    column_taps: C,
) -> Zones<R, C> {
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
pub(super) fn pixels(top: usize, xs: &Range<usize>) -> Pixels {
    Pixels { at: (top, xs.start), xs: xs.clone() }
}

#[derive(Clone)]
pub(super) struct Pixels {
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
