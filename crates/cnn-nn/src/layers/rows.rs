//! Some rows of a layer's output image: how the work on one image is shared out.
//!
//! They are the output of a smaller layer, on the rows of the input that they depend on. Not in the registry.

use crate::layer::{Layer, Part, Pass, Weights, Work};
use cnn_kernels::Isa;
use cnn_kernels::conv::ConvGeometry;
use std::ops::Range;

/// A layer made for some rows of another one's output.
#[derive(Debug)]
pub(super) struct Rows<L> {
    layer: L,
    x: Range<usize>,
    y: Range<usize>,
}

impl<L: Layer> Part for Rows<L> {
    fn output(&self) -> Range<usize> {
        self.y.clone()
    }

    fn forward(&self, isa: Isa, params: &[f32], x: &[f32], y: &mut [f32], scratch: &mut [f32]) {
        let weights = Weights { params, packed: &[] };
        let work = Work { saved: &mut [], scratch };
        self.layer.forward(isa, weights, &x[self.x.clone()], y, work, Pass::Infer);
    }
}

/// Cuts `rows` rows of `row` numbers into at most `count` parts. `of(rows)` is the layer that computes them, and what it reads
/// of the sample; none where it would have nothing to read.
pub(super) fn cut<L: Layer + 'static>(
    count: usize,
    rows: usize,
    row: usize,
    of: impl Fn(Range<usize>) -> Option<(L, Range<usize>)>,
) -> Vec<Box<dyn Part>> {
    let count = count.min(rows);
    let parts: Option<Vec<Box<dyn Part>>> = (0..count)
        .map(|i| {
            let rows = i * rows / count..(i + 1) * rows / count;
            let (layer, x) = of(rows.clone())?;
            let part = Rows { layer, x, y: rows.start * row..rows.end * row };
            Some(Box::new(part) as Box<dyn Part>)
        })
        .collect();
    parts.unwrap_or_default()
}

/// The convolution that computes the rows `rows` of this one's output, and the part of the image that it reads; none if they
/// see nothing but padding.
pub(super) fn of_convolution(
    g: &ConvGeometry,
    rows: &Range<usize>,
) -> Option<(ConvGeometry, Range<usize>)> {
    let span = (g.kh - 1) * g.dilation_h + 1;
    let (top, bottom) = (rows.start * g.stride_h, (rows.end - 1) * g.stride_h + span);
    let (begin, end) = (top.saturating_sub(g.pad_top), bottom.saturating_sub(g.pad_top).min(g.h));
    let h = end.checked_sub(begin).filter(|h| *h > 0)?;
    let part = ConvGeometry { h, oh: rows.len(), pad_top: g.pad_top.saturating_sub(top), ..*g };
    Some((part, begin * g.w * g.c..end * g.w * g.c))
}
