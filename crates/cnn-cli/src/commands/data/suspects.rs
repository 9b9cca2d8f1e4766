//! `cnn data suspects`: images whose label a trained model contradicts most.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::runs::{self, RunArg};
use crate::{files, output, pictures};
use cnn_data::{Dataset, Split};
use cnn_train::{Answer, Deterministic, RunDir, SavedRun, parts, suspects};
use cnn_viz::charts::{GridCell, ImageGrid, image_grid};
use cnn_viz::{Bitmap, Scene};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// What `--help` begins with.
pub(super) const ABOUT: &str = "\
List the images whose label a trained model contradicts most: those with the highest cross-entropy, −ln of the probability that \
the model gives to their label. They are candidates: a wrong label, an odd picture, or a mistake of the model. Look at them.

What this can not show: a wrong label that the model has learned by heart. So ask about images that it was not trained on: \
--split test, or --split validation of a run with a validation_split or a fold; five runs, --fold 1/5 to 5/5, ask about every \
training image. Labels that are wrong in the same way all over (every tenth coat called a shirt) are learned as well, and found \
only in part.

This is the simplest of the methods. Confident learning (Northcutt, Jiang & Chuang, \"Confident Learning: Estimating Uncertainty \
in Dataset Labels\", JAIR 70, 2021) also weighs how sure the model is of each class as a whole.";

const EXAMPLES: &str = "\
Examples:
  cnn data suspects runs/RUN
  cnn data suspects runs/RUN --split validation --top 50 --output suspects.png";

/// What `cnn data suspects` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,

    /// The data: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Which images.
    #[arg(long, value_enum, default_value_t = Part::Test)]
    split: Part,

    /// How many to list.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    top: u32,

    /// Draw the first 100 of them with their labels: .svg or .png; without an ending, both.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// Threads; 0 takes what the machine has.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Images of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The images kept for testing.
    Test,
    /// The images for training, those that the run kept for validation included.
    Train,
    /// The training images that the run kept for validation.
    Validation,
}

/// Pictures, at most.
const MOST_DRAWN: usize = 100;

/// Asks the model and tells.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let written = args.output.as_ref().map_or(Ok(Vec::new()), |path| files::picture_paths(path))?;
    for path in &written {
        files::must_be_free(path, args.force)?;
    }
    let mut saved = args.run.open()?;
    let mut trainer = runs::trainer(&saved, args.threads, Deterministic::Fastest)?;
    let data = args.run.data(&mut saved, args.data.as_deref())?;
    pictures::fits(&saved, &data)?;
    let (split, places) = asked(args, &saved, &data)?;
    let part = split.select(&places);
    let mut found = suspects(&trainer.answers(&part)?, args.top as usize);
    for answer in &mut found {
        // As they are numbered in the data set.
        answer.index = places[answer.index] as usize;
    }
    let told = Told { args, saved: &saved, data: &data, split, asked: places.len(), found: &found };
    if let Some(path) = &args.output {
        files::picture(path, &told.picture(), args.force)?;
    }
    let paths: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::result(&match args.format {
        Format::Json => told.json(&paths).to_string() + "\n",
        Format::Text => {
            let line = |path: &String| format!("wrote {path}\n");
            told.text() + &paths.iter().map(line).collect::<Vec<_>>().concat()
        }
    })
}

/// The split, and which of its images.
fn asked<'a>(
    args: &Args,
    saved: &SavedRun,
    data: &'a Dataset,
) -> Result<(&'a Split, Vec<u32>), Failure> {
    let all = |split: &Split| (0..split.len() as u32).collect();
    match args.split {
        Part::Test => Ok((&data.test, all(&data.test))),
        Part::Train => Ok((&data.train, all(&data.train))),
        Part::Validation => {
            // The parts are those of the images that the run was given.
            let info = args.run.folder().map(RunDir::info).transpose()?;
            let limit = info.and_then(|info| info.limit).unwrap_or(usize::MAX);
            let n = data.train.len().min(limit);
            let kept = parts::parts(&data.train.labels[..n], &saved.config.fit)?.validation;
            if kept.is_empty() {
                return Err(Failure::new(
                    Exit::Usage,
                    "",
                    "the run kept no images for validation",
                    "",
                    &[],
                    &["train with --fold 1/5 or --validation-split 0.1, or ask about --split test"],
                ));
            }
            Ok((&data.train, kept))
        }
    }
}

/// What was found, and what it is about.
struct Told<'a> {
    args: &'a Args,
    saved: &'a SavedRun,
    data: &'a Dataset,
    split: &'a Split,
    /// Images that the model was asked about.
    asked: usize,
    found: &'a [Answer],
}

impl Told<'_> {
    fn class(&self, class: usize) -> String {
        self.saved.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// The image's file, where it is one.
    fn file(&self, answer: &Answer) -> Option<&str> {
        let part = usize::from(self.args.split == Part::Test);
        self.data.files[part].get(answer.index).map(String::as_str)
    }

    fn what(&self) -> &'static str {
        match self.args.split {
            Part::Test => "test",
            Part::Train => "training",
            Part::Validation => "validation",
        }
    }

    fn text(&self) -> String {
        let names = |of: fn(&Answer) -> usize| -> Vec<String> {
            self.found.iter().map(|answer| self.class(of(answer))).collect()
        };
        let width = |names: &[String]| names.iter().map(|name| name.chars().count()).max();
        let (labels, predicted) = (names(|a| a.truth), names(|a| a.predicted));
        let (l, p) = (width(&labels).unwrap_or(0).max(5), width(&predicted).unwrap_or(0).max(9));
        let mut text = format!(
            "{} of {} {} images of {}, by the cross-entropy of their label\n\n  {:>7}  {:l$} {:>9}  {:p$} {:>9}  {:>13}\n",
            self.found.len(),
            self.asked,
            self.what(),
            self.data.name,
            "image",
            "label",
            "prob.",
            "predicted",
            "prob.",
            "cross-entropy"
        );
        for ((answer, label), predicted) in self.found.iter().zip(&labels).zip(&predicted) {
            let file = self.file(answer).map_or_else(String::new, |file| format!("  {file}"));
            let _ = writeln!(
                text,
                "  {:>7}  {label:l$} {:>9.2e}  {predicted:p$} {:>9.4}  {:>13.3}{file}",
                answer.index,
                answer.truth_probability,
                answer.confidence,
                answer.cross_entropy()
            );
        }
        text += "\nCandidates: a wrong label, an odd picture, or a mistake of the model. `cnn data suspects --help` says what is not found.\n";
        text
    }

    fn json(&self, written: &[String]) -> Value {
        let one = |answer: &Answer| {
            json!({
                "index": answer.index, "file": self.file(answer),
                "label": answer.truth, "label_name": self.class(answer.truth),
                "label_probability": answer.truth_probability,
                "predicted": answer.predicted, "predicted_name": self.class(answer.predicted),
                "predicted_probability": answer.confidence,
                "cross_entropy": answer.cross_entropy(),
            })
        };
        json!({
            "schema": 1, "model": self.saved.model.name(), "data": self.data.name, "split": self.what(),
            "images": self.asked, "suspects": self.found.iter().map(one).collect::<Vec<_>>(), "files": written,
        })
    }

    fn picture(&self) -> Scene {
        let shape = self.split.shape();
        let cells: Vec<GridCell> = (self.found.iter().take(MOST_DRAWN))
            .map(|answer| {
                let mut pixels = vec![0.0; shape.iter().product()];
                self.split.fill(&[answer.index as u32], &mut pixels, &mut [0]);
                let label = format!("{}: {}", answer.index, self.class(answer.truth));
                let sure = 100.0 * answer.confidence;
                GridCell::new(Bitmap::from_pixels(&pixels, shape), label)
                    .note(format!("{} {sure:.1} %", self.class(answer.predicted)))
            })
            .collect();
        let side = shape[0].max(shape[1]) as f32;
        image_grid(&ImageGrid {
            title: &format!("Whose label {} contradicts most", self.saved.model.name()),
            subtitle: &format!(
                "{} images of {}: number and label, then what the network says and how sure it is",
                self.what(),
                self.data.name
            ),
            columns: 5,
            cell: side * (140.0 / side).round().max(1.0),
            cells: &cells,
        })
    }
}
