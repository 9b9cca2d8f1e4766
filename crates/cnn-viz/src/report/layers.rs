//! Inside the network: what its layers answer to images, and what its first kernels look like.

use super::examples::answers;
use super::pictures::{enlarge, shrink, tiles};
use super::{Section, Table};
use crate::bitmap::Bitmap;
use crate::color::Color;
use crate::html::Html;

/// Between the pictures of a layer.
const GAP: Color = Color::AXIS;
/// Pixels of one map's side, at most.
const MOST_SIDE: usize = 64;
/// Pixels of one map's side, at least: a smaller one is blown up, so that the gaps are thin beside it.
const LEAST_SIDE: usize = 22;
/// CSS pixels for each.
const SCALE: usize = 2;

/// An image and what the network makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The picture.
    pub picture: Bitmap,
    /// What it is called: `test image 23`.
    pub name: String,
    /// Its class, where it is known.
    pub truth: Option<String>,
    /// The most probable classes with their probabilities, the first first.
    pub answers: Vec<(String, f64)>,
    /// What its layers put out.
    pub layers: Vec<LayerMaps>,
}

/// The channels of one layer as pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerMaps {
    /// The layer: `conv2d (Conv2D)`.
    pub name: String,
    /// Its shape in words: `26×26, 32 channels`.
    pub shape: String,
    /// A picture for each channel that is shown, all of one size.
    pub maps: Vec<Bitmap>,
}

/// A section with the feature maps of some images.
pub fn feature_maps(images: &[Seen]) -> Section {
    let mut section = Section::new("maps", "What the layers see");
    if images.iter().all(|image| image.layers.is_empty()) {
        section.text(
            "The network has no convolution and no pooling, so there are no maps to look at: its units see the whole image at once. \
             Its answers to some images:",
        );
    } else {
        section.text(
            "Each small square is one channel: bright where its filter found what it looks for. From layer to layer the maps get coarser \
             and stand for more: edges first, then parts. A square that is dark for every image may be a dead channel. Each is stretched over its own \
             range, so brightness compares within a square only.",
        );
    }
    for image in images {
        let html = &mut section.body;
        html.open("div", &[("class", "pair")]).leaf("h3", &[], &heading(image));
        html.open("div", &[("class", "seen small")]);
        html.picture(&shrink(&image.picture, 2 * MOST_SIDE), 84, &heading(image));
        html.open("div", &[]);
        answers(html, &image.answers, image.truth.as_deref());
        html.close().close().open("div", &[("class", "charts")]);
        for layer in &image.layers {
            maps(html, layer, &image.name);
        }
        html.close().close();
    }
    section
}

fn heading(image: &Seen) -> String {
    match &image.truth {
        Some(truth) => format!("{}: {truth}", capital(&image.name)),
        None => capital(&image.name),
    }
}

fn maps(html: &mut Html, layer: &LayerMaps, image: &str) {
    let alt = format!("{} channels of {} for {image}", layer.maps.len(), layer.name);
    html.open("figure", &[]);
    grid(html, &layer.maps, &alt);
    html.leaf("figcaption", &[], &format!("{}, {}", layer.name, layer.shape)).close();
}

/// Pictures of one size, in rows, as one picture.
fn grid(html: &mut Html, pictures: &[Bitmap], alt: &str) {
    let even: Vec<Bitmap> = pictures
        .iter()
        .map(|picture| {
            let small = shrink(picture, MOST_SIDE);
            let side = small.width().max(small.height()).max(1);
            enlarge(&small, LEAST_SIDE.div_ceil(side))
        })
        .collect();
    let width = even.first().map_or(1, Bitmap::width).max(1);
    // As many as fill the width of a chart.
    let all = tiles(&even, (224 / width).clamp(4, 8), GAP);
    html.picture(&all, (all.width() * SCALE) as u32, alt);
}

/// The pictures of a first layer's kernels: `weights` are `[h, w, c, n]`, row-major, one picture for each of the first `most` of the n.
/// Three channels are shown as red, green and blue around grey; of any other number the mean, blue for negative, white for zero
/// and orange for positive. All are on one scale.
///
/// # Panics
/// If there are not h·w·c·n weights.
pub fn kernel_pictures(weights: &[f32], [h, w, c, n]: [usize; 4], most: usize) -> Vec<Bitmap> {
    assert_eq!(weights.len(), h * w * c * n, "{h}·{w}·{c}·{n} weights make the kernels");
    let at =
        |kernel: usize, pixel: usize, channel: usize| weights[(pixel * c + channel) * n + kernel];
    let mean = |kernel, pixel| (0..c).map(|ch| at(kernel, pixel, ch)).sum::<f32>() / c as f32;
    let largest = |values: &mut dyn Iterator<Item = f32>| {
        values.map(f32::abs).filter(|v| v.is_finite()).fold(f32::MIN_POSITIVE, f32::max)
    };
    let limit = if c == 3 {
        largest(&mut weights.iter().copied())
    } else {
        largest(&mut (0..n).flat_map(|k| (0..h * w).map(move |p| mean(k, p))))
    };
    let byte = |v: f32| (127.5 + 127.5 * v / limit).round().clamp(0.0, 255.0) as u8;
    let pixel = |kernel: usize, pixel: usize| match c {
        3 => Color {
            r: byte(at(kernel, pixel, 0)),
            g: byte(at(kernel, pixel, 1)),
            b: byte(at(kernel, pixel, 2)),
        },
        _ => diverging(mean(kernel, pixel) / limit),
    };
    let picture = |k: usize| Bitmap::from_plane(h, w, (0..h * w).map(|p| pixel(k, p)));
    (0..n.min(most)).map(picture).collect()
}

/// −1 is blue, 0 white, 1 orange.
fn diverging(value: f32) -> Color {
    let end = if value < 0.0 { Color::hex(0x00_72_b2) } else { Color::hex(0xd5_5e_00) };
    Color::WHITE.mix(end, value.abs())
}

/// A section with the kernels of a layer as pictures, and numbers about every layer's. `words` say what the pictures show.
pub fn kernels(words: &[String], pictures: &[Bitmap], alt: &str, numbers: &Table<'_>) -> Section {
    let mut section = Section::new("filters", "Filters");
    for sentence in words {
        section.text(sentence);
    }
    if !pictures.is_empty() {
        section.body.open("figure", &[]);
        grid(&mut section.body, pictures, alt);
        section.body.close();
    }
    section.body.push(numbers.html());
    section
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_read_channels_last() {
        // A 1×2 window on one channel, two kernels: [1, -1] and [0, 0.5].
        let pictures = kernel_pictures(&[1.0, 0.0, -1.0, 0.5], [1, 2, 1, 2], 9);
        assert_eq!(pictures.len(), 2);
        assert_eq!(pictures[0].pixels(), [Color::hex(0xd5_5e_00), Color::hex(0x00_72_b2)]);
        assert_eq!(pictures[1].pixels()[0], Color::WHITE);
        assert_eq!(kernel_pictures(&[0.0; 4], [1, 2, 1, 2], 1).len(), 1);
    }

    #[test]
    fn three_channels_are_colours_and_two_their_mean() {
        let rgb = kernel_pictures(&[1.0, -1.0, 0.0], [1, 1, 3, 1], 9);
        assert_eq!(rgb[0].pixels(), [Color { r: 255, g: 0, b: 128 }]);
        let two = kernel_pictures(&[1.0, -1.0, 0.5, 0.5], [2, 1, 2, 1], 9);
        assert_eq!(two[0].pixels(), [Color::WHITE, Color::hex(0xd5_5e_00)]);
        let nan = kernel_pictures(&[f32::NAN], [1, 1, 1, 1], 9);
        assert_eq!(nan.len(), 1);
    }
}
