//! The confusion matrix as a coloured table.

use super::{MARGIN, fit, heading};
use crate::bitmap::Bitmap;
use crate::color::{Color, Colormap};
use crate::error::VizError;
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Text, Weight};
use ndarray::Array2;

/// Counts of true against predicted classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfusionMatrix<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// Names of the k classes.
    pub classes: &'a [String],
    /// k·k counts, row-major: rows are the true classes, columns the predicted ones, as in scikit-learn.
    pub counts: &'a [u64],
}

/// Above this many classes the cells are too small for their numbers.
const MOST_NUMBERS: usize = 30;

/// A table of counts, coloured by the share of the true class, with recall at the right and precision below.
/// Errors: [`VizError::Length`] when there are not k·k counts for k classes.
pub fn confusion_matrix(matrix: &ConfusionMatrix<'_>) -> Result<Scene, VizError> {
    let k = matrix.classes.len();
    if k.checked_mul(k) != Some(matrix.counts.len()) || k == 0 {
        let hint = "give one count per pair of classes, row by row, and at least one class";
        return Err(VizError::Length {
            what: "confusion matrix",
            expected: k.saturating_mul(k).max(1),
            got: matrix.counts.len(),
            hint,
        });
    }
    let cell = (560.0 / k as f32).clamp(12.0, 52.0).floor();
    let label = (cell * 0.6).clamp(9.0, 13.0);
    let names: Vec<String> =
        matrix.classes.iter().map(|c| fit(c, label, Weight::Regular, 150.0)).collect();
    let longest = names.iter().map(|n| text_width(n, label, Weight::Regular)).fold(0.0, f32::max);
    // The column names lean at 45°.
    let lean = longest * std::f32::consts::FRAC_1_SQRT_2;
    let left = (MARGIN + 24.0 + longest + 12.0).ceil();
    let top = (100.0 + lean + 14.0).ceil();
    let side = cell * k as f32;
    let width = (left + side + 78.0_f32.max(lean + 8.0) + MARGIN)
        .max(MARGIN * 2.0 + text_width(matrix.title, 19.0, Weight::Medium));
    let mut scene =
        Scene::new(width.ceil() as u32, (top + side + 92.0).ceil() as u32, matrix.title);
    heading(&mut scene, matrix.title, matrix.subtitle);
    let table = Table { left, top, cell, k, label, counts: matrix.counts };
    table.names(&mut scene, &names);
    table.cells(&mut scene);
    table.margins(&mut scene);
    table.scale(&mut scene);
    Ok(scene)
}

struct Table<'a> {
    left: f32,
    top: f32,
    cell: f32,
    k: usize,
    label: f32,
    counts: &'a [u64],
}

impl Table<'_> {
    fn side(&self) -> f32 {
        self.cell * self.k as f32
    }

    fn names(&self, scene: &mut Scene, names: &[String]) {
        for (i, name) in names.iter().enumerate() {
            let middle = (i as f32 + 0.5) * self.cell;
            scene.text(
                Text::new(
                    self.left - 10.0,
                    self.top + middle + self.label * 0.35,
                    self.label,
                    name,
                )
                .anchor(Anchor::End),
            );
            scene.text(
                Text::new(self.left + middle + self.label * 0.3, self.top - 10.0, self.label, name)
                    .rotate(-45.0),
            );
        }
        let axis =
            |x, y, words| Text::new(x, y, 12.0, words).anchor(Anchor::Middle).color(Color::MUTED);
        scene.text(axis(MARGIN + 6.0, self.top + self.side() / 2.0, "true class").rotate(-90.0));
        scene.text(axis(self.left + self.side() / 2.0, 88.0, "predicted class"));
    }

    fn cells(&self, scene: &mut Scene) {
        for (row, counts) in self.counts.chunks_exact(self.k).enumerate() {
            let total: u64 = counts.iter().sum();
            for (column, &count) in counts.iter().enumerate() {
                let fill = Colormap::Blues.color(share(count, total).unwrap_or(0.0) as f32);
                let (x, y) =
                    (self.left + column as f32 * self.cell, self.top + row as f32 * self.cell);
                scene.rect(x + 0.5, y + 0.5, self.cell - 1.0, self.cell - 1.0, fill);
                if self.k <= MOST_NUMBERS {
                    let text = count.to_string();
                    let size = (self.cell * 0.32)
                        .min(13.0)
                        .min((self.cell - 4.0) / (text.len() as f32 * 0.56));
                    let color = if count == 0 { Color::AXIS } else { fill.text_on() };
                    scene.text(
                        Text::new(
                            x + self.cell / 2.0,
                            y + self.cell / 2.0 + size * 0.36,
                            size,
                            text,
                        )
                        .anchor(Anchor::Middle)
                        .color(color),
                    );
                }
            }
        }
    }

    /// Recall of each row at the right, precision of each column below.
    fn margins(&self, scene: &mut Scene) {
        if self.k > MOST_NUMBERS {
            return;
        }
        let k = self.k;
        let size = (self.cell * 0.3).clamp(6.0, 12.0);
        let (right, below) = (self.left + self.side() + 10.0, self.top + self.side() + 16.0);
        let note = |x, y, text: &str| Text::new(x, y, size, text).color(Color::MUTED);
        for i in 0..k {
            let middle = (i as f32 + 0.5) * self.cell;
            let hit = self.counts[i * k + i];
            let row: u64 = self.counts[i * k..][..k].iter().sum();
            let column: u64 = (0..k).map(|r| self.counts[r * k + i]).sum();
            scene.text(note(right, self.top + middle + size * 0.36, &percent(share(hit, row))));
            scene.text(
                note(self.left + middle, below, &percent(share(hit, column)))
                    .anchor(Anchor::Middle),
            );
        }
        let name = |x, y, text: &str| Text::new(x, y, 12.0, text).color(Color::MUTED);
        scene.text(name(right, below, "recall"));
        scene.text(name(self.left - 10.0, below, "precision").anchor(Anchor::End));
    }

    /// What the colours mean.
    fn scale(&self, scene: &mut Scene) {
        const WIDTH: f32 = 120.0;
        let y = self.top + self.side() + 48.0;
        let words = "share of the true class";
        let x = MARGIN + text_width(words, 12.0, Weight::Regular) + 44.0;
        scene.text(Text::new(MARGIN, y + 10.0, 12.0, words).color(Color::MUTED));
        scene.text(
            Text::new(x - 8.0, y + 10.0, 12.0, "0 %").anchor(Anchor::End).color(Color::MUTED),
        );
        scene.rect(x - 0.5, y - 0.5, WIDTH + 1.0, 13.0, Color::AXIS);
        let ramp = Array2::from_shape_fn((1, 60), |(_, i)| i as f32 / 59.0);
        scene.image(
            x,
            y,
            WIDTH,
            12.0,
            Bitmap::from_f32(&ramp.view(), Colormap::Blues, Some((0.0, 1.0))),
        );
        scene.text(Text::new(x + WIDTH + 8.0, y + 10.0, 12.0, "100 %").color(Color::MUTED));
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".into(), |s| format!("{:.1} %", s * 100.0))
}
