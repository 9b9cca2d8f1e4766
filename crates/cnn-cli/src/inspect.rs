//! What the commands that look into a model share: layers by name, colours, and pictures that may be too large.

use crate::failure::{Exit, Failure};
use crate::files;
use cnn_nn::Model;
use cnn_nn::inspect::select_layers;
use cnn_viz::{Colormap, Scene, VizError};
use std::path::{Path, PathBuf};

/// The colours of numbers, by the names that people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MapColors {
    /// Black through purple and orange to pale yellow.
    Inferno,
    /// Violet through green to yellow.
    Viridis,
    /// Black to white.
    Gray,
    /// Blue below 0, red above, nearly white at 0.
    RedBlue,
}

impl MapColors {
    pub(crate) fn map(self) -> Colormap {
        match self {
            Self::Inferno => Colormap::Inferno,
            Self::Viridis => Colormap::Viridis,
            Self::Gray => Colormap::Gray,
            Self::RedBlue => Colormap::RedBlue,
        }
    }
}

/// The layers that were asked for, in the model's order.
pub(crate) fn select(model: &Model, asked: &[String]) -> Result<Vec<usize>, Failure> {
    select_layers(model, asked).map_err(|unknown| {
        let facts = format!("its layers: {}", unknown.layers.join(", "));
        Failure::new(Exit::Usage, "", &unknown.to_string(), "", &[&facts], &[&unknown.hint()])
    })
}

/// The model's layers in one line: `1 conv2d (Conv2D), …`.
pub(crate) fn listed(model: &Model) -> String {
    let layers = model.layers().iter().enumerate();
    let one = |(at, layer): (usize, &cnn_nn::model::ModelLayer)| {
        format!("{} {} ({})", at + 1, layer.name, layer.kind())
    };
    layers.map(one).collect::<Vec<_>>().join(", ")
}

/// Writes a picture; `help` says what makes it smaller, for one that is too large.
pub(crate) fn draw(
    path: &Path,
    scene: Result<Scene, VizError>,
    force: bool,
    help: &str,
) -> Result<Vec<PathBuf>, Failure> {
    let scene = scene.map_err(|error| not_drawn(&error))?;
    // Found out before the first of the two files is written.
    let side = (scene.width.max(scene.height) as f32 * files::PNG_SCALE) as u32;
    if side > MOST_PIXELS {
        let what =
            format!("the picture would have {side} pixels a side; {MOST_PIXELS} are the most");
        return Err(Failure::usage(&what, help));
    }
    files::picture(path, &scene, force)
}

/// Pixels of a side of a PNG, at most.
const MOST_PIXELS: u32 = 16_384;

/// A picture that the library refuses.
pub(crate) fn not_drawn(error: &VizError) -> Failure {
    Failure::new(Exit::Usage, "", &error.to_string(), "", &[], &[])
}
