//! The embedded font: widths for the layout, outlines for the raster backend. Provenance: `assets/README.md`.

use crate::scene::Weight;
use ab_glyph::{Font, FontRef, OutlineCurve};
use tiny_skia::{Path, PathBuilder};

const REGULAR: &[u8] = include_bytes!("../assets/Roboto-Regular-subset.ttf");
const MEDIUM: &[u8] = include_bytes!("../assets/Roboto-Medium-subset.ttf");

/// The embedded file parses (a test says so); without it text has no width and is not drawn.
fn font(weight: Weight) -> Option<FontRef<'static>> {
    FontRef::try_from_slice(match weight {
        Weight::Regular => REGULAR,
        Weight::Medium => MEDIUM,
    })
    .ok()
}

/// Width in pixels of one line of text in the embedded font at `size` pixels. The SVG's reader may have another font, so
/// layouts leave some room.
pub fn text_width(text: &str, size: f32, weight: Weight) -> f32 {
    font(weight).map_or(0.0, |font| {
        let unscaled: f32 = text.chars().map(|c| font.h_advance_unscaled(font.glyph_id(c))).sum();
        unscaled * factor(&font, size)
    })
}

/// The text's outline with its start at the origin and its baseline on y = 0, y down, in pixels. `None` if nothing is to
/// be seen.
pub(crate) fn outline(text: &str, size: f32, weight: Weight) -> Option<Path> {
    let font = font(weight)?;
    let k = factor(&font, size);
    let mut path = PathBuilder::new();
    let mut x = 0.0f32;
    for c in text.chars() {
        let glyph = font.glyph_id(c);
        if let Some(outline) = font.outline(glyph) {
            add_glyph(&mut path, &outline.curves, x, k);
        }
        x += font.h_advance_unscaled(glyph) * k;
    }
    path.finish()
}

/// Pixels per font unit. The size is that of the em square, as in CSS.
fn factor(font: &FontRef<'_>, size: f32) -> f32 {
    size / font.units_per_em().unwrap_or(2048.0)
}

fn add_glyph(path: &mut PathBuilder, curves: &[OutlineCurve], x: f32, k: f32) {
    let at = |p: ab_glyph::Point| (x + p.x * k, -p.y * k);
    let mut pen = None;
    for curve in curves {
        let (start, end) = match curve {
            OutlineCurve::Line(a, b)
            | OutlineCurve::Quad(a, _, b)
            | OutlineCurve::Cubic(a, _, _, b) => (at(*a), at(*b)),
        };
        if pen != Some(start) {
            if pen.is_some() {
                path.close();
            }
            path.move_to(start.0, start.1);
        }
        match curve {
            OutlineCurve::Line(..) => path.line_to(end.0, end.1),
            OutlineCurve::Quad(_, b, _) => {
                let b = at(*b);
                path.quad_to(b.0, b.1, end.0, end.1);
            }
            OutlineCurve::Cubic(_, b, c, _) => {
                let (b, c) = (at(*b), at(*c));
                path.cubic_to(b.0, b.1, c.0, c.1, end.0, end.1);
            }
        }
        pen = Some(end);
    }
    if pen.is_some() {
        path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_hold_every_letter_that_charts_use() {
        for weight in [Weight::Regular, Weight::Medium] {
            let font = font(weight).expect("the embedded font parses");
            for c in (' '..='~').chain("−·×±≤≥–—…éüÅ".chars()) {
                assert_ne!(font.glyph_id(c).0, 0, "{c:?} in {weight:?}");
            }
        }
    }

    #[test]
    fn widths_add_up_and_scale() {
        let w = |t: &str, size| text_width(t, size, Weight::Regular);
        assert!((w("ab", 10.0) - w("a", 10.0) - w("b", 10.0)).abs() < 1e-4);
        assert!((w("loss", 20.0) - 2.0 * w("loss", 10.0)).abs() < 1e-4);
        // Roboto's digits are 1151 of 2048 units wide.
        assert!((w("0", 2048.0) - 1151.0).abs() < 0.01, "{}", w("0", 2048.0));
        assert!(w("", 10.0).abs() < 1e-9);
        assert!(outline(" ", 10.0, Weight::Regular).is_none());
    }
}
