//! Numbers that become a picture: one channel, several, or a row.

use crate::bitmap::Bitmap;
use crate::color::{Color, Colormap};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

/// Numbers to be shown as a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// One channel [h, w].
    Map(ArrayView2<'a, f32>),
    /// Several channels [h, w, c], side by side in lines; 1×1 maps as [`Values::Row`].
    Maps(ArrayView3<'a, f32>),
    /// A row of numbers, as a Dense layer gives it: a strip of blocks, in lines where there are more than 16.
    Row(&'a [f32]),
}

/// Numbers in a line of a strip, at most, unless there are many lines.
const STRIP: usize = 16;

impl Values<'_> {
    /// Smallest and largest finite number; `None` where there is none.
    pub fn range(&self) -> Option<(f32, f32)> {
        match self {
            Self::Map(plane) => range(plane.iter()),
            Self::Maps(planes) => range(planes.iter()),
            Self::Row(row) => range(row.iter()),
        }
    }

    /// The picture, one pixel for each number; several channels have a white pixel between them. `range` = (first colour,
    /// last colour).
    pub fn bitmap(&self, map: Colormap, range: (f32, f32)) -> Bitmap {
        let (tiles, columns) = self.tiles(map, range);
        Bitmap::mosaic(&tiles, columns, 1, Color::WHITE)
    }

    /// The pictures of the channels, and how many of them make a line; one of a map or a row.
    pub(crate) fn tiles(&self, map: Colormap, range: (f32, f32)) -> (Vec<Bitmap>, usize) {
        match self {
            Self::Map(plane) => (vec![Bitmap::from_f32(plane, map, Some(range))], 1),
            Self::Maps(planes) if planes.dim().0 * planes.dim().1 == 1 => {
                let row: Vec<f32> = planes.iter().copied().collect();
                (vec![strip(&row, map, range)], 1)
            }
            Self::Maps(planes) => {
                let (h, w, c) = planes.dim();
                let tile = |plane: ArrayView2<'_, f32>| Bitmap::from_f32(&plane, map, Some(range));
                (planes.axis_iter(Axis(2)).map(tile).collect(), square(c, h + 1, w + 1))
            }
            Self::Row(row) => (vec![strip(row, map, range)], 1),
        }
    }

    /// Side in pixels that the picture of these numbers should have in a table whose single maps have `side`.
    pub(super) fn side(&self, side: f32) -> f32 {
        match self {
            Self::Maps(planes) if planes.len() > 1 => {
                let (h, w, c) = planes.dim();
                let (columns, tile) = (square(c, h + 1, w + 1), tile(c));
                let lines = c.div_ceil(columns);
                (columns as f32 * tile).max(lines as f32 * tile).max(side)
            }
            _ => side,
        }
    }
}

/// Side of one of `c` channels: smaller where there are many.
fn tile(c: usize) -> f32 {
    match c {
        0..=16 => 44.0,
        17..=64 => 30.0,
        _ => 22.0,
    }
}

/// Columns that make `n` tiles of h×w nearly a square; where that leaves a gap at the end, up to twice as many that do not.
fn square(n: usize, h: usize, w: usize) -> usize {
    let side = (n as f64 * h as f64 / w.max(1) as f64).sqrt().ceil() as usize;
    let side = side.clamp(1, n.max(1));
    (side..=(2 * side).min(n)).find(|&columns| n.is_multiple_of(columns)).unwrap_or(side)
}

/// Numbers as blocks of one pixel, in lines; the last line is filled with white.
fn strip(row: &[f32], map: Colormap, range: (f32, f32)) -> Bitmap {
    let n = row.len();
    let columns = match n {
        0..=STRIP => n,
        n if n <= STRIP * STRIP => {
            (STRIP / 2..=STRIP).rev().find(|&columns| n.is_multiple_of(columns)).unwrap_or(STRIP)
        }
        n => square(n, 1, 1),
    };
    let block = |v: &f32| Bitmap::from_f32(&Array2::from_elem((1, 1), *v).view(), map, Some(range));
    Bitmap::mosaic(&row.iter().map(block).collect::<Vec<_>>(), columns, 0, Color::WHITE)
}

/// Smallest and largest finite number.
pub(super) fn range<'a>(values: impl Iterator<Item = &'a f32>) -> Option<(f32, f32)> {
    let finite = values.filter(|v| v.is_finite());
    finite.fold(None, |range, &v| {
        let (low, high) = range.unwrap_or((v, v));
        Some((low.min(v), high.max(v)))
    })
}
