//! Inside the network: feature maps of some images, kernels, channels that stay silent.

use super::answers::Measured;
use crate::environment;
use crate::failure::Failure;
use cnn_nn::inspect::{
    Activations, ChannelActivity, KernelStatistics, activations, channel_activity, feature_layers,
    kernel_statistics,
};
use cnn_nn::summary::commas;
use cnn_viz::report::{self, Cell, Column, LayerMaps, Section, Seen, Table};
use cnn_viz::{Bitmap, Colormap};
use std::ops::Range;

/// Layers whose maps are shown: the first ones.
const MOST_LAYERS: usize = 8;
/// Maps of a layer that are shown.
const MOST_MAPS: usize = 32;
/// Kernels that are shown.
const MOST_KERNELS: usize = 64;
/// Test images over which a channel must be silent to be called so.
const SAMPLE: usize = 200;

/// What the convolution and pooling layers make of some test images.
pub(super) fn feature_maps(
    measured: &mut Measured<'_>,
    images: &[usize],
) -> Result<Section, Failure> {
    let isa = environment::isa()?;
    let mut layers = feature_layers(&measured.saved.model);
    layers.truncate(MOST_LAYERS);
    let mut seen = Vec::with_capacity(images.len());
    for &index in images {
        let (picture, pixels) = measured.picture(index);
        let outputs = if layers.is_empty() {
            Vec::new()
        } else {
            let weights = measured.trainer.weights();
            activations(&measured.saved.model, weights, &pixels, &layers, isa)
        };
        seen.push(Seen {
            picture,
            name: format!("test image {index}"),
            truth: Some(measured.truth(index)),
            answers: measured.ranked(&pixels)?,
            layers: outputs.iter().map(maps).collect(),
        });
    }
    Ok(report::feature_maps(&seen))
}

/// The channels of one layer, for the only image.
fn maps(outputs: &Activations) -> LayerMaps {
    let channels = outputs.channels();
    let picture = |channel| {
        let map = outputs.map(0, channel)?;
        Some(Bitmap::from_f32(&map, Colormap::Inferno, None))
    };
    let shown = channels.min(MOST_MAPS);
    let size = match outputs.shape[..] {
        [h, w, _] => format!("{h}×{w}"),
        _ => String::new(),
    };
    let rest = if shown < channels { format!(", the first {shown}") } else { String::new() };
    LayerMaps {
        name: format!("{} ({})", outputs.layer, outputs.kind),
        shape: format!("{size}, {channels} channels{rest}"),
        maps: (0..shown).filter_map(picture).collect(),
    }
}

/// The first kernels as pictures, all kernels in numbers, and channels that are silent.
pub(super) fn filters(measured: &Measured<'_>) -> Section {
    let model = &measured.saved.model;
    let weights = measured.trainer.weights();
    let kernels = kernel_statistics(model, weights);
    let split = &measured.data.test;
    let n = split.len().min(SAMPLE);
    let fill = |range: Range<usize>, x: &mut [f32]| {
        let indices: Vec<u32> = range.map(|i| i as u32).collect();
        split.fill(&indices, x, &mut vec![0; indices.len()]);
    };
    let isa = environment::isa().unwrap_or_else(|_| cnn_train::Isa::best());
    let activity = channel_activity(model, weights, n, &fill, isa);

    let mut words = Vec::new();
    let (mut pictures, mut alt) = (Vec::new(), String::new());
    if let Some((kernel, shape)) = drawable(measured, kernels.first()) {
        pictures = report::kernel_pictures(&weights[kernel.range.clone()], shape, MOST_KERNELS);
        (words, alt) = about(kernel, shape, pictures.len());
    }
    let columns = [
        Column::words("Kernel"),
        Column::words("Shape"),
        Column::numbers("Weights"),
        Column::numbers("Mean"),
        Column::numbers("Std. deviation"),
        Column::numbers("Smallest"),
        Column::numbers("Largest"),
        Column::numbers("Near zero"),
        Column::numbers("Silent channels"),
    ];
    let rows: Vec<Vec<Cell>> = kernels.iter().map(|kernel| row(kernel, &activity)).collect();
    let caption =
        "The kernels in numbers. Near zero: smaller than a hundredth of the largest magnitude.";
    let table = Table { caption, columns: &columns, rows: &rows, foot: &[], sort: false };
    let mut section = report::kernels(&words, &pictures, &alt, &table);
    section.text(&silent(&activity, n));
    section
}

fn row(kernel: &KernelStatistics, activity: &[ChannelActivity]) -> Vec<Cell> {
    let shape: Vec<String> = kernel.shape.iter().map(ToString::to_string).collect();
    let of = &kernel.weights;
    let silent = activity.iter().find(|one| one.layer == kernel.layer);
    let silent = silent
        .map_or_else(String::new, |one| format!("{} of {}", one.dead().len(), one.largest.len()));
    vec![
        Cell::text(kernel.layer.clone()),
        Cell::text(shape.join("×")),
        Cell::text(commas(of.count as u64)),
        Cell::text(format!("{:.4}", of.mean)),
        Cell::text(format!("{:.4}", of.deviation)),
        Cell::text(format!("{:.3}", of.min)),
        Cell::text(format!("{:.3}", of.max)),
        Cell::text(format!("{:.1} %", 100.0 * kernel.near_zero)),
        Cell::text(silent),
    ]
}

/// A kernel that looks at the image itself, with its shape [h, w, c, n]: a convolution's, or that of a Dense layer over all pixels.
fn drawable<'a>(
    measured: &Measured<'_>,
    first: Option<&'a KernelStatistics>,
) -> Option<(&'a KernelStatistics, [usize; 4])> {
    let kernel = first?;
    let [h, w, c] = measured.data.test.shape();
    match kernel.shape[..] {
        [kh, kw, kc, n] if kh * kw > 1 => Some((kernel, [kh, kw, kc, n])),
        [inputs, n] if inputs == h * w * c => Some((kernel, [h, w, c, n])),
        _ => None,
    }
}

/// How the pictures are read, and their text alternative.
fn about(
    kernel: &KernelStatistics,
    [h, w, c, n]: [usize; 4],
    shown: usize,
) -> (Vec<String>, String) {
    let rest = if shown < n { format!("; the first {shown} are shown") } else { String::new() };
    let what = if kernel.shape.len() == 4 {
        format!(
            "The {n} filters of {}, {h}×{w} pixels each{rest}. A filter answers where the image looks like it: light on one side and dark on the other \
             finds an edge of that direction.",
            kernel.layer
        )
    } else {
        format!(
            "What each of the {n} units of {} weighs the {h}×{w} pixels with{rest}. It answers to images that are bright where the picture is orange.",
            kernel.layer
        )
    };
    let colours = match c {
        3 => "Grey does nothing; a colour stands for more of that colour.".to_owned(),
        1 => "Orange weights add, blue ones take away, white ones do nothing.".to_owned(),
        _ => format!("Orange weights add, blue ones take away: the mean over the {c} channels."),
    };
    let alt = format!("{shown} kernels of {}, {h}×{w} weights each", kernel.layer);
    (vec![what, colours], alt)
}

/// Which channels never answered.
fn silent(activity: &[ChannelActivity], n: usize) -> String {
    let dead: Vec<String> = activity
        .iter()
        .filter(|one| !one.dead().is_empty())
        .map(|one| format!("{} of {} in {}", one.dead().len(), one.largest.len(), one.layer))
        .collect();
    if dead.is_empty() {
        return format!("No channel is silent: each answered to at least one of {n} test images.");
    }
    format!(
        "Silent for all of {n} test images: {}. A relu that lets nothing through has no gradient either; such channels learn nothing any more, \
         and cost time for nothing.",
        dead.join(", ")
    )
}
