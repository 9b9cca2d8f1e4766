//! Maps of one picture beside each other: what several methods say of its pixels.

use super::{MARGIN, fit, heading};
use crate::bitmap::Bitmap;
use crate::color::{Color, Colormap};
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Text, Weight};
use ndarray::{Array2, ArrayView2};

/// One picture, and one column for each map of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeatMapFigure<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// The picture.
    pub picture: &'a Bitmap,
    /// Lines under the picture.
    pub lines: &'a [String],
    /// Side of a cell in pixels. Whole multiples of the picture's size look sharpest.
    pub cell: f32,
    /// The maps.
    pub columns: &'a [HeatMap<'a>],
    /// At the bottom; may be empty.
    pub note: &'a str,
}

/// One map.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap<'a> {
    /// Above it.
    pub heading: String,
    /// One value per pixel of the picture, [h, w].
    pub values: ArrayView2<'a, f32>,
    /// Whether values have a sign: they are then shown from blue (below 0) to red, otherwise from black (0) to pale yellow. The
    /// colours reach to the map's largest magnitude.
    pub signed: bool,
    /// Lines below, each with its colour.
    pub lines: Vec<(String, Color)>,
}

const GAP: f32 = 16.0;
const LINE: f32 = 17.0;
const TEXT: f32 = 12.0;

impl HeatMap<'_> {
    fn colors(&self) -> (Colormap, (f32, f32)) {
        let largest = self.values.iter().fold(0.0f32, |max, v| max.max(v.abs()));
        let map = if self.signed { Colormap::RedBlue } else { Colormap::Inferno };
        (map, map.span(0.0, largest))
    }
}

/// The picture, then each map laid over it, alone below, and its lines.
///
/// # Panics
/// If a map is not of the picture's size.
pub fn heat_map_figure(figure: &HeatMapFigure<'_>) -> Scene {
    let side = if figure.cell.is_finite() { figure.cell.clamp(1.0, 2000.0) } else { 168.0 };
    let top = if figure.subtitle.is_empty() { 58.0 } else { 78.0 } + LINE;
    let words = text_width(figure.title, 19.0, Weight::Medium)
        .max(text_width(figure.subtitle, 13.0, Weight::Regular))
        .max(text_width(figure.note, TEXT, Weight::Regular));
    let count = figure.columns.len() + 1;
    let width = (count as f32 * (side + GAP) - GAP).max(words * 1.08) + 2.0 * MARGIN;
    let lines = figure.columns.iter().map(|column| column.lines.len()).max().unwrap_or(0);
    let note = if figure.note.is_empty() { 0.0 } else { LINE + 8.0 };
    let height = top + 2.0 * side + 8.0 + LINE * lines as f32 + note + MARGIN;
    let mut scene = Scene::new(width.ceil() as u32, height.ceil() as u32, figure.title);
    heading(&mut scene, figure.title, figure.subtitle);
    picture(&mut scene, figure, side, top);
    for (i, column) in figure.columns.iter().enumerate() {
        let x = MARGIN + (i + 1) as f32 * (side + GAP);
        let (map, range) = column.colors();
        let over = Bitmap::heat_over(figure.picture, &column.values, map, range);
        let alone = Bitmap::from_f32(&column.values, map, Some(range));
        let name = fit(&column.heading, 13.0, Weight::Medium, side + GAP - 4.0);
        scene.text(Text::new(x, top - 8.0, 13.0, name).weight(Weight::Medium));
        place(&mut scene, over, x, top, side);
        place(&mut scene, alone, x, top + side + 8.0, side);
        for (line, (text, color)) in column.lines.iter().enumerate() {
            let y = top + 2.0 * side + 8.0 + LINE * (line + 1) as f32;
            let text = fit(text, TEXT, Weight::Regular, side + GAP - 4.0);
            scene.text(Text::new(x, y, TEXT, text).color(*color));
        }
    }
    let y = scene.height as f32 - MARGIN + 8.0;
    scene.text(Text::new(MARGIN, y, TEXT, figure.note).color(Color::MUTED));
    scene
}

/// The first column: the picture, its lines, and what the colours mean.
fn picture(scene: &mut Scene, figure: &HeatMapFigure<'_>, side: f32, top: f32) {
    place(scene, figure.picture.clone(), MARGIN, top, side);
    let mut y = top + side + 8.0;
    for line in figure.lines {
        y += LINE;
        let text = fit(line, TEXT, Weight::Regular, side + GAP - 4.0);
        scene.text(Text::new(MARGIN, y - 4.0, TEXT, text));
    }
    y += 12.0;
    let scales = [
        (false, Colormap::Inferno, ["nothing", "", "most"]),
        (true, Colormap::RedBlue, ["against", "0", "for"]),
    ];
    for (signed, map, words) in scales {
        if !figure.columns.iter().any(|column| column.signed == signed) {
            continue;
        }
        let ramp = Array2::from_shape_fn((1, 64), |(_, i)| i as f32 / 63.0);
        let bar = Bitmap::from_f32(&ramp.view(), map, Some((0.0, 1.0)));
        scene.image(MARGIN, y, side, 10.0, bar);
        let places = [(0.0, Anchor::Start), (0.5, Anchor::Middle), (1.0, Anchor::End)];
        for (word, (at, anchor)) in words.into_iter().zip(places) {
            let text = Text::new(MARGIN + at * side, y + 24.0, TEXT, word);
            scene.text(text.anchor(anchor).color(Color::MUTED));
        }
        y += 38.0;
    }
}

/// A bitmap in the middle of a square cell.
fn place(scene: &mut Scene, bitmap: Bitmap, x: f32, y: f32, side: f32) {
    let (w, h) = (bitmap.width() as f32, bitmap.height() as f32);
    if w > 0.0 && h > 0.0 {
        let scale = side / w.max(h);
        let (wide, tall) = (w * scale, h * scale);
        scene.image(x + (side - wide) / 2.0, y + (side - tall) / 2.0, wide, tall, bitmap);
    }
}
