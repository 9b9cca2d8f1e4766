//! Labelled pictures in rows and columns.

use super::{MARGIN, fit, heading};
use crate::bitmap::Bitmap;
use crate::color::Color;
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Text, Weight};

/// Pictures in rows and columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageGrid<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// Pictures per row; 0 is taken as 1.
    pub columns: usize,
    /// Side of a cell in pixels. Whole multiples of the pictures' size look sharpest.
    pub cell: f32,
    /// The pictures, row by row.
    pub cells: &'a [GridCell],
}

/// One picture of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct GridCell {
    /// The picture; it keeps its proportions.
    pub bitmap: Bitmap,
    /// A line below it, cut with an ellipsis where it is too long; may be empty.
    pub label: String,
    /// A second line below it, in grey, cut as the label is; may be empty.
    pub note: String,
    /// Colour of the label, such as one for wrong predictions.
    pub color: Color,
}

impl GridCell {
    /// A picture with a label in ink.
    pub fn new(bitmap: Bitmap, label: impl Into<String>) -> Self {
        Self { bitmap, label: label.into(), note: String::new(), color: Color::INK }
    }

    /// The same with a second line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Labelled pictures in rows and columns.
pub fn image_grid(grid: &ImageGrid<'_>) -> Scene {
    const GAP: f32 = 12.0;
    const LABEL: f32 = 12.0;
    let columns = grid.columns.clamp(1, grid.cells.len().max(1));
    let rows = grid.cells.len().div_ceil(columns);
    let labelled = grid.cells.iter().any(|c| !c.label.is_empty());
    let side = if grid.cell.is_finite() { grid.cell.clamp(1.0, 2000.0) } else { 84.0 };
    let noted = grid.cells.iter().any(|c| !c.note.is_empty());
    let pitch_y = side + GAP + if labelled { 16.0 } else { 0.0 } + if noted { 15.0 } else { 0.0 };
    let top = if grid.subtitle.is_empty() { 58.0 } else { 78.0 };
    let words = text_width(grid.title, 19.0, Weight::Medium).max(text_width(
        grid.subtitle,
        13.0,
        Weight::Regular,
    ));
    let width = (columns as f32 * (side + GAP) - GAP).max(words * 1.08) + 2.0 * MARGIN;
    let height = top + rows as f32 * pitch_y - GAP + MARGIN;
    let mut scene =
        Scene::new(width.ceil() as u32, height.max(top + MARGIN).ceil() as u32, grid.title);
    heading(&mut scene, grid.title, grid.subtitle);
    for (i, cell) in grid.cells.iter().enumerate() {
        let x = MARGIN + (i % columns) as f32 * (side + GAP);
        let y = top + (i / columns) as f32 * pitch_y;
        let (w, h) = (cell.bitmap.width() as f32, cell.bitmap.height() as f32);
        if w > 0.0 && h > 0.0 {
            let scale = side / w.max(h);
            scene.image(
                x + (side - w * scale) / 2.0,
                y + (side - h * scale) / 2.0,
                w * scale,
                h * scale,
                cell.bitmap.clone(),
            );
        }
        let lines = [(&cell.label, 15.0, cell.color), (&cell.note, 30.0, Color::MUTED)];
        for (line, below, color) in lines.into_iter().filter(|(line, ..)| !line.is_empty()) {
            let line = fit(line, LABEL, Weight::Regular, side + GAP - 4.0);
            scene.text(
                Text::new(x + side / 2.0, y + side + below, LABEL, line)
                    .anchor(Anchor::Middle)
                    .color(color),
            );
        }
    }
    scene
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Item;

    #[test]
    fn a_second_line_stands_below_the_first_and_above_the_next_row() {
        let cell = |note: &str| {
            GridCell::new(Bitmap::from_pixels(&[0.5; 4], [2, 2, 1]), "label").note(note)
        };
        let scene = |note: &str| {
            let cells = [cell(note), cell("")];
            image_grid(&ImageGrid {
                title: "t",
                subtitle: "",
                columns: 1,
                cell: 40.0,
                cells: &cells,
            })
        };
        let (plain, noted) = (scene(""), scene("note"));
        let texts = |scene: &Scene| -> Vec<(String, f32)> {
            let text = |item: &Item| match item {
                Item::Text(text) => Some((text.text.clone(), text.y)),
                _ => None,
            };
            scene.items.iter().filter_map(text).collect()
        };
        assert_eq!(texts(&plain).len(), 3);
        let lines = texts(&noted);
        let names: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(names, ["t", "label", "note", "label"]);
        assert!(lines[1].1 < lines[2].1 && lines[2].1 < lines[3].1 - 40.0);
        assert!(noted.height > plain.height);
    }
}
