//! The pictures of `cnn explain`.

use super::channels::Driven;
use super::text;
use super::{Args, Explained, Sanity};
use crate::failure::Failure;
use crate::files;
use cnn_nn::explain::PixelCurves;
use cnn_train::SavedRun;
use cnn_viz::charts::{
    BandChart, BandPanel, BandSeries, GridCell, HeatMap, HeatMapFigure, ImageGrid, band_chart,
    heat_map_figure, image_grid,
};
use cnn_viz::{Bitmap, Color, PALETTE};
use std::path::{Path, PathBuf};

/// The colour of a check that failed.
const FAILED: Color = PALETTE[1];

/// The position of the largest number; of equal ones the first.
pub(super) fn largest(values: &[f32]) -> usize {
    let better = |best: usize, at: usize| if values[at] > values[best] { at } else { best };
    (0..values.len()).fold(0, better)
}

/// The path with a word added to its name: `a.svg` → `a-word.svg`, `a` → `a-word`.
pub(super) fn beside(path: &Path, word: &str) -> PathBuf {
    match path.extension().and_then(|end| end.to_str()) {
        Some(end) if ["svg", "png"].contains(&end.to_ascii_lowercase().as_str()) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            path.with_file_name(format!("{stem}-{word}.{end}"))
        }
        _ => PathBuf::from(format!("{}-{word}", path.display())),
    }
}

/// A whole number of screen pixels for each of the picture's, about 168 in all.
fn cell([h, w, _]: [usize; 3]) -> f32 {
    let side = h.max(w) as f32;
    side * (168.0 / side).round().max(1.0)
}

/// The maps, and their curves.
pub(super) fn write(
    args: &Args,
    saved: &SavedRun,
    one: &Explained,
    out: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let shape = saved.preprocessing;
    let shape = [shape.height, shape.width, shape.channels].map(|dim| dim as usize);
    let picture = Bitmap::from_pixels(&one.image.pixels, shape);
    let columns: Vec<HeatMap<'_>> = (0..one.maps.len()).map(|i| column(saved, one, i)).collect();
    let class = text::class_name(saved, one.class);
    let note = match &one.sanity {
        None => "",
        Some(_) => {
            "In brackets behind the verdict: rank correlation with the maps of random weights. Deletion should be low and insertion high, against random orders. What fails is orange."
        }
    };
    let scene = heat_map_figure(&HeatMapFigure {
        title: &format!("What speaks for {class} in {}", text::image_name(&one.image)),
        subtitle: &format!("{}: {}", saved.model.name(), text::answer(saved, one)),
        picture: &picture,
        lines: &text::under_picture(saved, one),
        cell: cell(shape),
        columns: &columns,
        note,
    });
    let curves = one.sanity.as_ref().map(|sanity| curves(saved, one, sanity));
    let beside = beside(out, "curves");
    if curves.is_some() {
        for path in files::picture_paths(&beside)? {
            files::must_be_free(&path, args.force)?;
        }
    }
    let mut written = files::picture(out, &scene, args.force)?;
    if let Some(scene) = curves {
        written.extend(files::picture(&beside, &scene, args.force)?);
    }
    Ok(written)
}

fn column<'a>(saved: &SavedRun, one: &'a Explained, i: usize) -> HeatMap<'a> {
    let map = &one.maps[i];
    let mut lines = Vec::new();
    if let Some(layer) = map.layer {
        lines.push((format!("of {}", saved.model.layers()[layer].name), Color::MUTED));
    }
    if let Some(complete) = map.completeness {
        let shown = text::percent(complete.error());
        let color = if complete.error() <= 0.01 { Color::MUTED } else { FAILED };
        lines.push((format!("complete to {shown}, {} steps", complete.steps), color));
    }
    if let Some(sanity) = &one.sanity {
        let (checked, curves) = (&sanity.randomised[i], &sanity.curves[i]);
        let random = &sanity.references.random;
        let color = |good: bool| if good { Color::INK } else { FAILED };
        let depends = checked.depends_on_model();
        let alike = format!("{:.2}", checked.likeness.spearman).replace('-', "−");
        let says = if depends { "depends on the model" } else { "mostly the picture" };
        lines.push((format!("{says} ({alike})"), color(depends)));
        let [fewer, more] = sanity.beats_random(i);
        let (ours, theirs) = (curves.deletion_area(), random.deletion_area());
        lines.push((format!("deletion {ours:.2} (random {theirs:.2})"), color(fewer)));
        let (ours, theirs) = (curves.insertion_area(), random.insertion_area());
        lines.push((format!("insertion {ours:.2} (random {theirs:.2})"), color(more)));
    }
    HeatMap {
        heading: map.method.title().to_owned(),
        values: map.map.view(),
        signed: map.method.is_signed(),
        lines,
    }
}

/// Deletion and insertion of every map, of random orders and of the picture.
fn curves(saved: &SavedRun, one: &Explained, sanity: &Sanity) -> cnn_viz::Scene {
    let series =
        |name: &'static str, color: usize, dashed: bool, curves: &PixelCurves, insert: bool| {
            let values = if insert { &curves.insertion } else { &curves.deletion };
            let points =
                curves.shares.iter().zip(values).map(|(x, y)| (100.0 * x, *y, 0.0)).collect();
            BandSeries { name, color, dashed, points }
        };
    let panel = |heading: &str, insert: bool| {
        let maps = one.maps.iter().zip(&sanity.curves).enumerate();
        let mut all: Vec<BandSeries<'_>> = maps
            .map(|(i, (map, curves))| series(map.method.title(), i, false, curves, insert))
            .collect();
        let references = &sanity.references;
        all.push(series("random order (mean of 10)", 6, true, &references.random, insert));
        all.push(series("strongest pixels of the picture", 6, false, &references.picture, insert));
        BandPanel {
            heading: heading.to_owned(),
            series: all,
            max_y: Some(1.0),
            ..BandPanel::default()
        }
    };
    let class = text::class_name(saved, one.class);
    band_chart(&BandChart {
        title: &format!(
            "Probability of {class} as pixels of {} go and come",
            text::image_name(&one.image)
        ),
        subtitle: &format!("{}: {}", saved.model.name(), text::answer(saved, one)),
        x_label: "pixels changed, %",
        note: "In the order of each map, its largest values first. Deletion ends and insertion begins at the baseline.",
        columns: 2,
        same_y: true,
        panels: vec![
            panel("Deletion: an early fall is good", false),
            panel("Insertion: an early rise is good", true),
        ],
    })
}

/// The images that drive channels.
pub(super) fn channels(
    args: &Args,
    saved: &SavedRun,
    driven: &Driven,
    shape: [usize; 3],
    out: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let cells: Vec<GridCell> = driven
        .found
        .iter()
        .enumerate()
        .map(|(i, found)| {
            let bitmap = Bitmap::from_pixels(&found.image, shape);
            let check = driven.checks.as_ref().map(|checks| checks[i]);
            let name = text::channel_name(saved, driven, found.channel);
            let short = text::short;
            let label = match check.and_then(|check| check.data) {
                Some(data) => format!("{name}: {} ({})", short(found.activation), short(data)),
                None => format!("{name}: {}", short(found.activation)),
            };
            let mut cell = GridCell::new(bitmap, label);
            if check.is_some_and(|check| !check.depends_on_model(found)) {
                cell.color = FAILED;
            }
            cell
        })
        .collect();
    let long = cells.iter().any(|cell| cell.label.chars().count() > 18);
    let subtitle = match driven.test_images {
        0 => "below: mean activation for the image".to_owned(),
        n => format!("below: mean activation for the image (the largest of {n} test images)"),
    };
    let scene = image_grid(&ImageGrid {
        title: &format!(
            "{}: images that drive {} of {}",
            saved.model.name(),
            driven.word,
            driven.layer
        ),
        subtitle: &subtitle,
        columns: cells.len().min(if long { 5 } else { 8 }),
        cell: if long { cell(shape) } else { cell(shape) * 2.0 / 3.0 },
        cells: &cells,
    });
    files::picture(out, &scene, args.force)
}
