//! `cnn data info`: what a data set holds.

use super::twins::Twins;
use crate::args::Format;
use crate::failure::Failure;
use crate::{environment, files, output};
use cnn_data::{Dataset, Images, Moments, Split, Statistics};
use cnn_viz::Bitmap;
use cnn_viz::charts::{GridCell, ImageGrid, image_grid};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cnn data info fashion-mnist --samples samples.png
  cnn data info photos,size=64x64x3        a folder of class folders, resized";

/// What `cnn data info` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A name (fashion-mnist, mnist), a folder or a file (see `cnn --help`).
    data: String,

    /// Draw the first training images of each class, a row each: .svg or .png; without an ending, both.
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,

    /// Images of each class in the picture.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=50))]
    per_class: u16,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Rows of the picture, at most.
const MOST_ROWS: usize = 50;

/// Length of the bar of the largest class.
const BAR: usize = 20;

/// Looks and tells.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut written = Vec::new();
    for path in args.samples.iter().map(|path| files::picture_paths(path)) {
        written = path?;
    }
    for path in &written {
        files::must_be_free(path, args.force)?;
    }
    let data = environment::load(&args.data)?;
    let twins = Twins::of(&data);
    if let Some(path) = &args.samples {
        files::picture(path, &samples(&data, usize::from(args.per_class)), args.force)?;
    }
    let paths: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::result(&match args.format {
        Format::Json => json_of(&data, &twins, &paths).to_string() + "\n",
        Format::Text => {
            let line = |path: &String| format!("  wrote {path}\n");
            text_of(&data, &twins) + &paths.iter().map(line).collect::<Vec<_>>().concat()
        }
    })
}

fn type_of(images: &Images) -> &'static str {
    match images {
        Images::U8(_) => "u8",
        Images::F32(_) => "f32",
    }
}

/// The first images of each class, a row each.
fn samples(data: &Dataset, per_class: usize) -> cnn_viz::Scene {
    let split = &data.train;
    let shape = split.shape();
    let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); data.classes.len().min(MOST_ROWS)];
    for (image, &label) in split.labels.iter().enumerate() {
        if let Some(images) = of_class.get_mut(label as usize)
            && images.len() < per_class
        {
            images.push(image as u32);
        }
    }
    let mut cells = Vec::new();
    for (images, class) in of_class.iter().zip(&data.classes) {
        for at in 0..per_class {
            let bitmap = images.get(at).map(|&image| {
                let mut pixels = vec![0.0; shape.iter().product()];
                split.fill(&[image], &mut pixels, &mut [0]);
                Bitmap::from_pixels(&pixels, shape)
            });
            let blank = || Bitmap::from_pixels(&[], [0, 0, 1]);
            let label = if at == 0 { class.as_str() } else { "" };
            cells.push(GridCell::new(bitmap.unwrap_or_else(blank), label));
        }
    }
    let more = data.classes.len().saturating_sub(of_class.len());
    let rest =
        if more > 0 { format!("; {more} more classes are not shown") } else { String::new() };
    let side = shape[0].max(shape[1]) as f32;
    image_grid(&ImageGrid {
        title: &data.name,
        subtitle: &format!("the first training images of each class, of {}{rest}", split.len()),
        columns: per_class,
        cell: side * (84.0 / side).round().max(1.0),
        cells: &cells,
    })
}

fn text_of(data: &Dataset, twins: &Twins) -> String {
    let classes = data.classes.len();
    let [train, test] = [&data.train, &data.test].map(|split| split.statistics(classes));
    let mut text = format!("{}\n", data.name);
    for (name, split) in [("train", &data.train), ("test", &data.test)] {
        let [h, w, c] = split.shape();
        let _ = writeln!(
            text,
            "  {name:5} {:>9} images of {h}×{w}×{c}, {}",
            split.len(),
            type_of(&split.images)
        );
    }
    let moments =
        |m: &Moments| format!("mean {:.4}, standard deviation {:.4}", m.mean, m.deviation);
    let _ = writeln!(text, "  training pixels: {} (bytes as 0 to 1)", moments(&train.pixels));
    if train.channels.len() > 1 {
        for (channel, of_channel) in train.channels.iter().enumerate() {
            let _ = writeln!(text, "    channel {channel}: {}", moments(of_channel));
        }
    }
    let _ = writeln!(text, "  sha-256 {}\n", data.fingerprint);
    text += &balance(data, &train, &test);
    text.push('\n');
    text += &twins.text(data);
    for note in &data.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

/// The classes with their sizes, and a bar for each class's training images.
fn balance(data: &Dataset, train: &Statistics, test: &Statistics) -> String {
    let mut text = String::new();
    let width = data.classes.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let _ = writeln!(
        text,
        "  {:>3}  {:width$} {:>9} {:>9}  share of train",
        "", "class", "train", "test"
    );
    let largest = train.counts.iter().max().copied().unwrap_or(0).max(1);
    let counts = train.counts.iter().zip(&test.counts);
    for (i, (name, (&train, test))) in data.classes.iter().zip(counts).enumerate() {
        // A class that is there has at least a bar of 1.
        let bar = "█".repeat((train * BAR).div_ceil(largest));
        let share = 100.0 * train as f64 / data.train.len().max(1) as f64;
        let _ = writeln!(text, "  {i:>3}  {name:width$} {train:>9} {test:>9}  {share:5.1} % {bar}");
    }
    text
}

fn json_of(data: &Dataset, twins: &Twins, written: &[String]) -> Value {
    let split = |split: &Split| {
        let statistics = split.statistics(data.classes.len());
        let moments = |m: &Moments| json!({"mean": m.mean, "standard_deviation": m.deviation});
        json!({
            "images": split.len(), "shape": split.shape(), "type": type_of(&split.images),
            "per_class": statistics.counts, "mean": statistics.pixels.mean,
            "standard_deviation": statistics.pixels.deviation,
            "channels": statistics.channels.iter().map(moments).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema": 1, "name": data.name, "train": split(&data.train), "test": split(&data.test),
        "classes": data.classes, "fingerprint": data.fingerprint, "notes": data.notes,
        "duplicates": twins.json(data), "files": written,
    })
}
