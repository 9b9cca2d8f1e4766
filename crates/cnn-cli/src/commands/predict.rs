//! `cnn predict`: what a trained model sees in pictures.

use crate::args::{Format, ModeArg};
use crate::failure::Failure;
use crate::output;
use crate::pictures::{self, Chosen};
use crate::runs::{self, RunArg};
use cnn_train::Trainer;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What `cnn predict` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,

    /// Pictures (PNG or JPEG) of any size, each made as large as the training images were; or positions in the test split.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,

    /// Where positions count: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// How many classes to show.
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    top: u16,

    /// Turn light into dark first: Fashion-MNIST and MNIST are light on dark.
    #[arg(long)]
    invert: bool,

    #[command(flatten)]
    mode: ModeArg,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// One picture's classes, the most probable first.
struct Answer<'a> {
    image: &'a Chosen,
    classes: Vec<(usize, f32)>,
}

/// Looks at every picture, then prints; one bad picture and nothing is printed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut saved = args.run.open()?;
    let mut trainer = runs::trainer(&saved, 1, args.mode.or_of(args.run.folder()))?;
    let mut answers = Vec::with_capacity(args.images.len());
    let images =
        pictures::choose(&args.images, &args.run, &mut saved, args.data.as_deref(), args.invert)?;
    for image in &images {
        let classes = ranked(&mut trainer, &image.pixels, usize::from(args.top))?;
        answers.push(Answer { image, classes });
    }
    let text = match args.format {
        Format::Json => json_of(&answers, &saved.classes).to_string() + "\n",
        Format::Text => text_of(&answers, &saved.classes),
    };
    output::result(&text)
}

/// The most probable classes; of equal ones the first.
fn ranked(trainer: &mut Trainer, pixels: &[f32], top: usize) -> Result<Vec<(usize, f32)>, Failure> {
    let mut classes: Vec<(usize, f32)> =
        trainer.probabilities(pixels)?.into_iter().enumerate().collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    classes.truncate(top);
    Ok(classes)
}

fn text_of(answers: &[Answer<'_>], names: &[String]) -> String {
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for answer in answers {
        let truth = answer.image.label.and_then(|label| names.get(label));
        let truth = truth.map_or_else(String::new, |name| format!(" ({name})"));
        let _ = writeln!(text, "{}{truth}", answer.image.name);
        for (class, probability) in &answer.classes {
            let _ = writeln!(text, "  {:width$}  {:6.2} %", names[*class], 100.0 * probability);
        }
    }
    text
}

fn json_of(answers: &[Answer<'_>], names: &[String]) -> Value {
    let image = |answer: &Answer<'_>| {
        let class = |(class, probability): &(usize, f32)| json!({ "class": class, "name": names[*class], "probability": probability });
        json!({
            "image": answer.image.name,
            "label": answer.image.label,
            "classes": answer.classes.iter().map(class).collect::<Vec<_>>(),
        })
    };
    json!({ "schema": 1, "images": answers.iter().map(image).collect::<Vec<_>>() })
}
