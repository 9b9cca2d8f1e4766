//! Scene to PNG: antialiased with tiny-skia, text as filled outlines of the embedded font.

use crate::color::Color;
use crate::error::VizError;
use crate::font;
use crate::scene::{Anchor, Item, Scene, Stroke, Text};
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
            Item::Image { x, y, w, h, bitmap } => {
                let (dx, dy) =
                    (w / bitmap.width().max(1) as f32, h / bitmap.height().max(1) as f32);
                for (i, &color) in bitmap.pixels().iter().enumerate() {
                    let (row, column) = (i / bitmap.width(), i % bitmap.width());
                    // Edges on whole pixels, so that neighbours neither overlap nor leave a gap.
                    let snap = |v: f32| (v * self.scale).round() / self.scale;
                    let (x0, x1) =
                        (snap(x + column as f32 * dx), snap(x + (column + 1) as f32 * dx));
                    let (y0, y1) = (snap(y + row as f32 * dy), snap(y + (row + 1) as f32 * dy));
                    self.rect(x0, y0, x1 - x0, y1 - y0, color, false);
                }
            }
        }
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
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
