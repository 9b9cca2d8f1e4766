//! What the colours of a picture mean.

use crate::bitmap::Bitmap;
use crate::color::{Color, Colormap};
use crate::scene::{Anchor, Scene, Text};
use crate::ticks::short;
use ndarray::Array2;

/// Where the numbers of a colour bar stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    /// Left and right of it.
    Beside,
    /// Under its ends.
    Below,
}
/// A ramp of all colours at (x, y, width), with the numbers of its ends. Nothing where there is no range.
pub(super) fn color_bar(
    scene: &mut Scene,
    (x, y, width): (f32, f32, f32),
    map: Colormap,
    range: Option<(f32, f32)>,
    ends: Ends,
) {
    let Some((low, high)) = range else { return };
    let ramp = Array2::from_shape_fn((1, 64), |(_, i)| i as f32 / 63.0);
    scene.rect(x - 0.5, y - 0.5, width + 1.0, 13.0, Color::AXIS);
    scene.image(x, y, width, 12.0, Bitmap::from_f32(&ramp.view(), map, Some((0.0, 1.0))));
    let text = |x, y, v| Text::new(x, y, 11.0, short(v)).color(Color::MUTED);
    match ends {
        Ends::Beside => {
            scene.text(text(x - 6.0, y + 10.0, low).anchor(Anchor::End));
            scene.text(text(x + width + 6.0, y + 10.0, high));
        }
        Ends::Below => {
            scene.text(text(x, y + 25.0, low));
            scene.text(text(x + width, y + 25.0, high).anchor(Anchor::End));
        }
    }
}
