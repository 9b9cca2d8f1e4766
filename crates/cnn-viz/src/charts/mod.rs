//! The charts: numbers in, a [`Scene`] out.

mod axes;
mod bands;
mod color_bar;
mod confusion;
mod grid;
mod heat_maps;
mod kernels;
mod lines;
mod maps;
mod reliability;
mod scatter;
mod values;

pub use bands::{BandChart, BandMark, BandPanel, BandSeries, band_chart};
pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use grid::{GridCell, ImageGrid, image_grid};
pub use heat_maps::{HeatMap, HeatMapFigure, heat_map_figure};
pub use kernels::{KernelSheet, Kernels, LayerKernels, kernel_sheet};
pub use lines::{
    LearningCurves, LineChart, LineMark, Series, learning_curves, learning_panels, line_chart,
};
pub use maps::{MapCell, MapColumn, MapRow, MapTable, Scaling, map_table};
pub use reliability::{Reliability, ReliabilityBin, reliability};
pub use scatter::{ScatterChart, ScatterPoint, scatter_chart};
pub use values::Values;

use crate::color::{Color, PALETTE};
use crate::font::text_width;
use crate::scene::{Scene, Stroke, Text, Weight};

/// Distance from the picture's edge to what is drawn.
const MARGIN: f32 = 28.0;

/// Title and subtitle at the top left.
fn heading(scene: &mut Scene, title: &str, subtitle: &str) {
    scene.text(Text::new(MARGIN, 38.0, 19.0, title).weight(Weight::Medium));
    if !subtitle.is_empty() {
        scene.text(Text::new(MARGIN, 58.0, 13.0, subtitle).color(Color::MUTED));
    }
}

/// Line samples with names, in one row that ends at the right margin.
fn legend(scene: &mut Scene, names: &[&str]) {
    const SIZE: f32 = 13.0;
    let entry = |name: &str| 30.0 + text_width(name, SIZE, Weight::Regular) + 6.0;
    let total: f32 = names.iter().map(|n| entry(n) + 14.0).sum();
    let mut x = scene.width as f32 - MARGIN - total + 14.0;
    for (i, name) in names.iter().enumerate() {
        let color = series_color(i);
        scene.line((x, 33.5), (x + 24.0, 33.5), Stroke::new(color, 2.5));
        scene.circle((x + 12.0, 33.5), 3.5, color);
        scene.text(Text::new(x + 30.0, 38.0, SIZE, *name));
        x += entry(name) + 14.0;
    }
}

fn series_color(i: usize) -> Color {
    PALETTE[i % PALETTE.len()]
}

/// The text, or as much of it as fits into `width` with an ellipsis.
fn fit(text: &str, size: f32, weight: Weight, width: f32) -> String {
    if text_width(text, size, weight) <= width {
        return text.into();
    }
    let mut short = String::new();
    for c in text.chars() {
        let longer = format!("{short}{c}…");
        if text_width(&longer, size, weight) > width {
            break;
        }
        short.push(c);
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}
