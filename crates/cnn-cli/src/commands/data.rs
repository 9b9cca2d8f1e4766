//! `cnn data info`: what a data set holds.

use crate::args::Format;
use crate::failure::Failure;
use crate::{environment, output};
use cnn_data::{Dataset, Images, Split};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The subcommands of `cnn data`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show a data set's sizes, classes, pixels and fingerprint.
    Info(Args),
}

/// What `cnn data info` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A name (fashion-mnist, mnist), a folder of idx files, or an .npz.
    data: String,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs a subcommand.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let Command::Info(args) = command;
    let data = environment::load(&args.data)?;
    output::result(&match args.format {
        Format::Json => json_of(&data).to_string() + "\n",
        Format::Text => text_of(&data),
    })
}

fn type_of(images: &Images) -> &'static str {
    match images {
        Images::U8(_) => "u8",
        Images::F32(_) => "f32",
    }
}

fn text_of(data: &Dataset) -> String {
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
    let _ = writeln!(
        text,
        "  training pixels: mean {:.4}, standard deviation {:.4} (bytes as 0 to 1)\n  sha-256 {}\n",
        train.mean, train.deviation, data.fingerprint
    );
    let width = data.classes.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let _ = writeln!(text, "  {:>3}  {:width$} {:>9} {:>9}", "", "class", "train", "test");
    let counts = train.counts.iter().zip(&test.counts);
    for (i, (name, (train, test))) in data.classes.iter().zip(counts).enumerate() {
        let _ = writeln!(text, "  {i:>3}  {name:width$} {train:>9} {test:>9}");
    }
    for note in &data.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

fn json_of(data: &Dataset) -> Value {
    let split = |split: &Split| {
        let statistics = split.statistics(data.classes.len());
        json!({
            "images": split.len(), "shape": split.shape(), "type": type_of(&split.images),
            "per_class": statistics.counts, "mean": statistics.mean, "standard_deviation": statistics.deviation,
        })
    };
    json!({
        "schema": 1, "name": data.name, "train": split(&data.train), "test": split(&data.test),
        "classes": data.classes, "fingerprint": data.fingerprint, "notes": data.notes,
    })
}
