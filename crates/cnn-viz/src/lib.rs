//! Arrays to pictures: learning curves, line charts, confusion matrices, reliability diagrams, image grids, feature maps and
//! kernels, as SVG and as PNG.
//!
//! A chart function of [`charts`] returns a [`Scene`]: a list of rectangles, lines, texts and images in pixels. Two
//! backends show the same scene: [`Scene::to_svg`] as text that is the same byte for byte on every machine, and
//! [`Scene::to_png`] as an antialiased picture with the embedded font, so that no system font is needed.
//! Beside them [`html`] writes pages that hold such charts, and need nothing else ([`report`] is such a page about a training
//! run), and [`terminal`] shows bitmaps and feature maps as text.
//! The crate knows no model and no training loop; it takes numbers.
//!
//! ```
//! let curves = cnn_viz::charts::LearningCurves {
//!     title: "fashion-cnn",
//!     loss: &[0.52, 0.34, 0.29],
//!     val_loss: &[0.38, 0.33, 0.31],
//!     accuracy: &[0.81, 0.87, 0.89],
//!     val_accuracy: &[0.86, 0.88, 0.89],
//!     ..Default::default()
//! };
//! let scene = cnn_viz::charts::learning_curves(&curves);
//! assert!(scene.to_svg().starts_with("<svg"));
//! ```
#![forbid(unsafe_code)]

mod bitmap;
pub mod charts;
mod color;
mod error;
mod font;
pub mod html;
mod raster;
pub mod report;
mod scene;
mod svg;
pub mod terminal;
mod ticks;

pub use bitmap::Bitmap;
pub use color::{Color, Colormap, PALETTE};
pub use error::VizError;
pub use font::text_width;
pub use scene::{Anchor, Item, Scene, Stroke, Text, Weight};
