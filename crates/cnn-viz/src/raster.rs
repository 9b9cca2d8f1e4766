//! Scene to PNG: antialiased with tiny-skia, text as filled outlines of the embedded font.

use crate::bitmap::Bitmap;
use crate::color::Color;
use crate::error::VizError;
use crate::font;
use crate::scene::{Anchor, Item, Scene, Stroke, Text};
use std::ops::Range;
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Rect, StrokeDash, Transform,
};

/// Largest side of a PNG in pixels.
const MAX_SIDE: u32 = 16_384;

impl Scene {
    /// The picture as the bytes of a PNG file, each scene unit `scale` pixels wide (2 is right for most screens).
    /// Errors: [`VizError::Size`] when a side would be 0 or above 16,384 pixels.
    pub fn to_png(&self, scale: f32) -> Result<Vec<u8>, VizError> {
        let side = |v: u32| {
            (f64::from(v) * f64::from(scale)).round().clamp(0.0, f64::from(u32::MAX)) as u32
        };
        let (width, height) = (side(self.width), side(self.height));
        let too_large = || VizError::Size { width, height, max: MAX_SIDE };
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(too_large());
        }
        let mut canvas =
            Canvas { pixmap: Pixmap::new(width, height).ok_or_else(too_large)?, scale };
        canvas.pixmap.fill(skia(Color::WHITE));
        for item in &self.items {
            canvas.draw(item);
        }
        encode(&canvas.pixmap)
    }
}

struct Canvas {
    pixmap: Pixmap,
    scale: f32,
}

impl Canvas {
    fn draw(&mut self, item: &Item) {
        match item {
            Item::Rect { x, y, w, h, fill } => self.rect(*x, *y, *w, *h, *fill, true),
            Item::Line { from, to, stroke } => self.polyline(&[*from, *to], *stroke),
            Item::Polyline { points, stroke } => self.polyline(points, *stroke),
            Item::Polygon { points, fill, opacity } => self.polygon(points, *fill, *opacity),
            Item::Circle { center, radius, fill } => {
                self.circle(*center, radius + RIM, Color::WHITE);
                self.circle(*center, *radius, *fill);
            }
            Item::Text(text) => self.text(text),
            Item::Image { x, y, w, h, bitmap } => self.image((*x, *y, *w, *h), bitmap),
        }
    }

    /// Enlarged, pixels have hard edges; made smaller, each pixel of the canvas is the mean of those that fall on it.
    fn image(&mut self, (x, y, w, h): (f32, f32, f32, f32), bitmap: &Bitmap) {
        let (width, height) = (self.pixmap.width() as usize, self.pixmap.height() as usize);
        let rows = self.covered(y, h, bitmap.height(), height);
        let columns = self.covered(x, w, bitmap.width(), width);
        let pixels = self.pixmap.pixels_mut();
        for (row, above) in rows {
            for (column, beside) in &columns {
                let mut sum = [0u64; 3];
                for line in above.clone() {
                    let line = &bitmap.pixels()[line * bitmap.width()..][beside.clone()];
                    for color in line {
                        for (sum, part) in sum.iter_mut().zip([color.r, color.g, color.b]) {
                            *sum += u64::from(part);
                        }
                    }
                }
                let count = (above.len() * beside.len()) as u64;
                let [r, g, b] = sum.map(|sum| ((sum + count / 2) / count) as u8);
                let color = tiny_skia::ColorU8::from_rgba(r, g, b, 255).premultiply();
                pixels[row * width + column] = color;
            }
        }
    }

    /// The canvas's rows (or columns), of which there are `limit`, under an image that begins at `start` and is `length` wide,
    /// each with those of the image's `count` that it shows. Edges lie on whole pixels, so that neighbours leave no gap.
    fn covered(
        &self,
        start: f32,
        length: f32,
        count: usize,
        limit: usize,
    ) -> Vec<(usize, Range<usize>)> {
        let edge = |i: usize| {
            let at = start + i as f32 * (length / count.max(1) as f32);
            (at * self.scale).round().max(0.0) as usize
        };
        let (first, last) = (edge(0), edge(count));
        let places = last - first;
        if count > places {
            let from = |place: usize| place * count / places;
            let all = (0..places).map(|at| (first + at, from(at)..from(at + 1)));
            return all.take_while(|(at, _)| *at < limit).collect();
        }
        let all = (0..count).flat_map(|i| (edge(i)..edge(i + 1)).map(move |at| (at, i..i + 1)));
        all.take_while(|(at, _)| *at < limit).collect()
    }

    fn rect(&mut self, x: f32, y: f32, w: f32, h: f32, fill: Color, smooth: bool) {
        if let Some(rect) = Rect::from_xywh(x, y, w, h) {
            let mut paint = paint(fill);
            paint.anti_alias = smooth;
            self.pixmap.fill_rect(rect, &paint, self.transform(), None);
        }
    }

    fn circle(&mut self, center: (f32, f32), radius: f32, fill: Color) {
        if let Some(path) = PathBuilder::from_circle(center.0, center.1, radius) {
            self.pixmap.fill_path(&path, &paint(fill), FillRule::Winding, self.transform(), None);
        }
    }

    fn polygon(&mut self, points: &[(f32, f32)], fill: Color, opacity: f32) {
        let mut path = PathBuilder::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        path.close();
        let Some(path) = path.finish() else { return };
        let mut paint = paint(fill);
        let mut color = skia(fill);
        color.set_alpha(opacity.clamp(0.0, 1.0));
        paint.set_color(color);
        self.pixmap.fill_path(&path, &paint, FillRule::Winding, self.transform(), None);
    }

    fn polyline(&mut self, points: &[(f32, f32)], stroke: Stroke) {
        let mut path = PathBuilder::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        let Some(path) = path.finish() else { return };
        let round = points.len() > 2;
        let style = tiny_skia::Stroke {
            width: stroke.width,
            line_cap: if round { LineCap::Round } else { LineCap::Butt },
            line_join: LineJoin::Round,
            dash: stroke.dash.and_then(|(dash, gap)| StrokeDash::new(vec![dash, gap], 0.0)),
            ..Default::default()
        };
        self.pixmap.stroke_path(&path, &paint(stroke.color), &style, self.transform(), None);
    }

    fn text(&mut self, text: &Text) {
        let Some(path) = font::outline(&text.text, text.size, text.weight) else { return };
        let width = font::text_width(&text.text, text.size, text.weight);
        let shift = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let place = Transform::from_translate(shift, 0.0)
            .post_concat(Transform::from_rotate(text.rotate))
            .post_concat(Transform::from_translate(text.x, text.y))
            .post_concat(self.transform());
        self.pixmap.fill_path(&path, &paint(text.color), FillRule::Winding, place, None);
    }

    fn transform(&self) -> Transform {
        Transform::from_scale(self.scale, self.scale)
    }
}

/// Width of the white rim around markers, in pixels.
pub(crate) const RIM: f32 = 1.25;

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(skia(color));
    paint
}

fn skia(color: Color) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(color.r, color.g, color.b, 255)
}

fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, VizError> {
    // The background is opaque, so no pixel is transparent and premultiplied equals plain.
    let rgb: Vec<u8> =
        pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    encode_rgb(pixmap.width(), pixmap.height(), &rgb)
}

/// A PNG file of 8-bit RGB pixels.
pub(crate) fn encode_rgb(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, VizError> {
    let failed = |e: png::EncodingError| VizError::Encode { message: e.to_string() };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn drawn(plane: &Array2<u8>, side: f32, scale: f32) -> Vec<u8> {
        let mut canvas = Canvas { pixmap: Pixmap::new(8, 8).unwrap(), scale };
        canvas
            .image((0.0, 0.0, side, side), &Bitmap::from_u8(&plane.view(), crate::Colormap::Gray));
        canvas.pixmap.pixels().iter().map(|pixel| pixel.green()).collect()
    }

    #[test]
    fn enlarged_pixels_keep_their_edges_and_cover_everything() {
        let plane = Array2::from_shape_fn((3, 3), |(y, x)| (y * 3 + x) as u8 * 10 + 1);
        let pixels = drawn(&plane, 4.0, 2.0);
        // Edges at 8/3 and 16/3, on whole pixels: 3 and 5.
        let place = |at: usize| usize::from(at >= 3) + usize::from(at >= 5);
        for (at, pixel) in pixels.iter().enumerate() {
            assert_eq!(*pixel, plane[[place(at / 8), place(at % 8)]], "{at}");
        }
    }

    #[test]
    fn made_smaller_it_shows_means_of_all_pixels() {
        let plane =
            Array2::from_shape_fn((32, 32), |(y, x)| if (y + x) % 2 == 0 { 0 } else { 200 });
        assert!(drawn(&plane, 8.0, 1.0).iter().all(|pixel| *pixel == 100));
        // Beyond the canvas nothing is drawn, and nothing fails.
        assert!(drawn(&Array2::from_elem((3, 3), 7), 100.0, 1.0).iter().all(|pixel| *pixel == 7));
        assert_eq!(drawn(&Array2::zeros((0, 0)), 8.0, 1.0), [0; 64]);
    }
}
