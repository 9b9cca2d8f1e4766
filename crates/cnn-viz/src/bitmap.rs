//! A picture of pixels inside a scene: made from arrays, shown as one image.

use crate::color::{Color, Colormap};
use ndarray::{ArrayView2, ArrayView3};

/// How much of a picture the strongest heat covers.
const HEAT: f32 = 0.9;

/// A small picture of whole pixels, row by row from the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    width: usize,
    height: usize,
    pixels: Vec<Color>,
}

impl Bitmap {
    /// A plane of bytes [h, w]: 0 is the map's first colour, 255 its last.
    pub fn from_u8(plane: &ArrayView2<'_, u8>, map: Colormap) -> Self {
        Self::from_plane(
            plane.nrows(),
            plane.ncols(),
            plane.iter().map(|&v| map.color(f32::from(v) / 255.0)),
        )
    }

    /// A plane of numbers [h, w]; `range` = (first colour, last colour), by default the plane's own smallest and largest
    /// finite value. A constant plane gets the map's first colour; NaN gets a green that no map holds.
    pub fn from_f32(plane: &ArrayView2<'_, f32>, map: Colormap, range: Option<(f32, f32)>) -> Self {
        let (low, high) = range.unwrap_or_else(|| {
            let finite = plane.iter().filter(|v| v.is_finite());
            finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
                (low.min(v), high.max(v))
            })
        });
        let unit = |v: f32| {
            if v.is_nan() || v.is_infinite() {
                v
            } else if high > low {
                (v / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)
            } else {
                0.0
            }
        };
        Self::from_plane(plane.nrows(), plane.ncols(), plane.iter().map(|&v| map.color(unit(v))))
    }

    /// A colour picture [h, w, 3] of bytes.
    ///
    /// # Panics
    /// If the last axis is not 3 long.
    pub fn from_rgb(image: &ArrayView3<'_, u8>) -> Self {
        assert_eq!(image.dim().2, 3, "a colour picture has 3 channels");
        let (height, width, _) = image.dim();
        Self::from_plane(
            height,
            width,
            image.rows().into_iter().map(|p| Color { r: p[0], g: p[1], b: p[2] }),
        )
    }

    /// A picture as models read it: numbers between 0 and 1, row by row, channels last, of `shape` = [h, w, c]. Three channels are
    /// red, green and blue; any other number is shown in grey, as their mean. Values outside 0 to 1 are clamped.
    ///
    /// # Panics
    /// If there are not h·w·c numbers.
    pub fn from_pixels(pixels: &[f32], [h, w, c]: [usize; 3]) -> Self {
        assert_eq!(pixels.len(), h * w * c, "{h}·{w}·{c} numbers make the picture");
        let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
        let color = |pixel: &[f32]| match *pixel {
            [r, g, b] => Color { r: byte(r), g: byte(g), b: byte(b) },
            _ => Colormap::Gray.color(pixel.iter().sum::<f32>() / c as f32),
        };
        Self::from_plane(h, w, pixels.chunks_exact(c.max(1)).map(color))
    }

    /// Pictures of one size beside and below each other, `columns` in a line, with `gap` pixels of the colour `between`, which
    /// also fills the rest of the last line.
    ///
    /// # Panics
    /// If the pictures differ in size.
    pub fn mosaic(tiles: &[Self], columns: usize, gap: usize, between: Color) -> Self {
        let Some(first) = tiles.first() else { return Self::from_plane(0, 0, [].into_iter()) };
        let (w, h, columns) = (first.width, first.height, columns.clamp(1, tiles.len()));
        let side = |n: usize, size: usize| n * (size + gap) - gap;
        let (width, height) = (side(columns, w), side(tiles.len().div_ceil(columns), h));
        let mut pixels = vec![between; width * height];
        for (i, tile) in tiles.iter().enumerate() {
            assert_eq!((tile.width, tile.height), (w, h), "the tiles of a mosaic are of one size");
            let at = i / columns * (h + gap) * width + i % columns * (w + gap);
            for (y, row) in tile.pixels.chunks_exact(w.max(1)).enumerate() {
                pixels[at + y * width..][..w].copy_from_slice(row);
            }
        }
        Self { width, height, pixels }
    }

    /// The same picture with other sides: each new pixel has the colour of the old one at its middle. A picture without
    /// pixels stays so.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        if self.pixels.is_empty() {
            return self.clone();
        }
        let middle = |i: usize, old: usize, new: usize| (2 * i + 1) * old / (2 * new);
        let pixel = |i: usize| {
            let (y, x) =
                (middle(i / width, self.height, height), middle(i % width, self.width, width));
            self.pixels[y * self.width + x]
        };
        Self::from_plane(height, width, (0..width * height).map(pixel))
    }

    /// A heat map laid over a picture: the picture in grey, and on it the map's colour, the stronger the farther a value is
    /// from 0. `range` = (first colour, last colour).
    ///
    /// # Panics
    /// If the two have not the same size.
    pub fn heat_over(
        picture: &Self,
        values: &ArrayView2<'_, f32>,
        map: Colormap,
        range: (f32, f32),
    ) -> Self {
        assert_eq!(values.dim(), (picture.height, picture.width), "one value for each pixel");
        let heat = Self::from_f32(values, map, Some(range));
        let largest = range.0.abs().max(range.1.abs());
        let grey = |c: Color| (f32::from(c.r) + f32::from(c.g) + f32::from(c.b)) / (3.0 * 255.0);
        let pixels =
            picture.pixels.iter().zip(&heat.pixels).zip(values).map(|((under, over), v)| {
                let strength = if v.is_nan() { 1.0 } else { HEAT * (v.abs() / largest).min(1.0) };
                let strength = if largest > 0.0 { strength } else { 0.0 };
                Colormap::Gray.color(grey(*under)).mix(*over, strength)
            });
        Self::from_plane(picture.height, picture.width, pixels)
    }

    pub(crate) fn from_plane(
        height: usize,
        width: usize,
        pixels: impl Iterator<Item = Color>,
    ) -> Self {
        Self { width, height, pixels: pixels.collect() }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> &[Color] {
        &self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn a_plane_is_stretched_over_its_finite_values() {
        let b =
            Bitmap::from_f32(&arr2(&[[-1.0, 3.0], [1.0, f32::NAN]]).view(), Colormap::Gray, None);
        assert_eq!((b.width(), b.height()), (2, 2));
        assert_eq!(b.pixels()[..3], [Color::hex(0), Color::WHITE, Color::hex(0x80_80_80)]);
        assert_eq!(b.pixels()[3], crate::color::NOT_A_NUMBER);
    }

    #[test]
    fn a_models_input_is_grey_or_coloured() {
        let grey = Bitmap::from_pixels(&[0.0, 1.0, 2.0, f32::NAN], [2, 2, 1]);
        assert_eq!(grey.pixels()[..3], [Color::hex(0), Color::WHITE, Color::WHITE]);
        assert_eq!(grey.pixels()[3], crate::color::NOT_A_NUMBER);
        let rgb = Bitmap::from_pixels(&[1.0, 0.0, 0.2], [1, 1, 3]);
        assert_eq!(rgb.pixels(), [Color { r: 255, g: 0, b: 51 }]);
        let two = Bitmap::from_pixels(&[0.0, 1.0], [1, 1, 2]);
        assert_eq!((two.width(), two.pixels()[0]), (1, Color::hex(0x80_80_80)));
        assert!(Bitmap::from_pixels(&[], [0, 3, 0]).pixels().is_empty());
    }

    #[test]
    fn a_mosaic_has_its_tiles_where_they_belong() {
        let tile = |v: u8| Bitmap::from_u8(&arr2(&[[v, v], [v, v]]).view(), Colormap::Gray);
        let (a, b, c) = (Color::hex(0), Color::hex(0x80_80_80), Color::hex(0x40_40_40));
        let mosaic = Bitmap::mosaic(&[tile(0), tile(128), tile(64)], 2, 1, Color::WHITE);
        assert_eq!((mosaic.width(), mosaic.height()), (5, 5));
        let w = Color::WHITE;
        let expected = [[a, a, w, b, b], [a, a, w, b, b], [w; 5], [c, c, w, w, w], [c, c, w, w, w]];
        assert_eq!(mosaic.pixels(), expected.as_flattened());
        assert!(Bitmap::mosaic(&[], 3, 1, Color::WHITE).pixels().is_empty());
    }

    #[test]
    fn resizing_takes_the_nearest_pixel() {
        let b = Bitmap::from_u8(&arr2(&[[0u8, 64], [128, 255]]).view(), Colormap::Gray);
        assert_eq!(
            b.resized(4, 2).pixels()[..4],
            [b.pixels()[0], b.pixels()[0], b.pixels()[1], b.pixels()[1]]
        );
        assert_eq!(b.resized(4, 4).resized(2, 2), b);
        assert_eq!(b.resized(1, 1).pixels(), [b.pixels()[3]]);
    }

    #[test]
    fn heat_lies_over_the_picture_where_there_is_some() {
        let picture = Bitmap::from_pixels(&[0.0, 1.0, 1.0], [1, 3, 1]);
        let over = |values, map, range| {
            Bitmap::heat_over(&picture, &arr2(&[values]).view(), map, range).pixels().to_vec()
        };
        let seen = over([0.0, 0.0, 2.0], Colormap::Inferno, (0.0, 2.0));
        assert_eq!(seen[..2], [Color::hex(0), Color::WHITE], "the picture as it is");
        assert_eq!(seen[2], Color::WHITE.mix(Colormap::Inferno.color(1.0), HEAT));
        let seen = over([-3.0, 3.0, 0.0], Colormap::RedBlue, (-3.0, 3.0));
        assert!(seen[0].b > seen[0].r && seen[1].r > seen[1].b && seen[2] == Color::WHITE);
        let none = over([0.0; 3], Colormap::Inferno, (0.0, 0.0));
        assert_eq!(none, picture.pixels());
        let seen = over([f32::NAN, 0.0, 0.0], Colormap::Inferno, (0.0, 1.0));
        assert_eq!(seen[0], crate::color::NOT_A_NUMBER);
    }

    #[test]
    fn constant_empty_and_huge_planes_are_drawn() {
        let b = Bitmap::from_f32(&arr2(&[[5.0f32, 5.0]]).view(), Colormap::Gray, None);
        assert_eq!(b.pixels(), [Color::hex(0); 2]);
        let b = Bitmap::from_f32(&arr2(&[[f32::MIN, f32::MAX]]).view(), Colormap::Gray, None);
        assert_eq!(b.pixels(), [Color::hex(0), Color::WHITE]);
        assert!(
            Bitmap::from_u8(&ndarray::Array2::zeros((0, 4)).view(), Colormap::Gray)
                .pixels()
                .is_empty()
        );
    }
}
