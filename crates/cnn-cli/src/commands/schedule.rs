//! `cnn schedule`: the learning rate of every step, before any training.

use crate::args::Format;
use crate::failure::Failure;
use crate::{environment, files, fits, output, report};
use cnn_train::{Config, FitLength, Overrides, Schedule, TrainError, fit_length, rate_text};
use cnn_viz::Scene;
use cnn_viz::charts::{LineChart, Series, line_chart};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cnn schedule model.toml --data fashion-mnist
  cnn schedule model.toml --samples 60000 --epochs 20 --output schedule.svg

A schedule is the learning rate of an optimizer in model.toml:
  learning_rate = { type = \"OneCycle\", max_lr = 0.01 }
  learning_rate = { type = \"CosineDecay\", initial_learning_rate = 0.0, warmup_target = 0.01, warmup_epochs = 1 }
Others: ExponentialDecay, InverseTimeDecay, PolynomialDecay, PiecewiseConstantDecay, CosineDecayRestarts.";

/// What `cnn schedule` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("size").required(true).args(["data", "samples"]))]
pub(crate) struct Args {
    /// A model.toml, or the name of a preset.
    model: String,

    /// The data set that will be trained on: its size makes steps of epochs.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// In place of a data set: how many training samples it has.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    samples: Option<u32>,

    /// Epochs; default the model.toml's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    epochs: Option<u32>,

    /// Images per step; default the model.toml's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    batch_size: Option<u32>,

    /// A picture of it, .svg or .png; a name without an ending gives both.
    #[arg(long, alias = "out", value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Reads the model, prints the rates, and draws them where asked.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let source = files::model(&args.model)?;
    let overrides = Overrides {
        epochs: args.epochs.map(|n| n as usize),
        batch_size: args.batch_size.map(|n| n as usize),
        ..Overrides::default()
    };
    let (config, warnings) = Config::from_toml_with(&source.name, &source.text, overrides)
        .map_err(|found| Failure::mistakes(&found))?;
    output::note(&report::diagnostics(&warnings));
    let model = config.model.build().map_err(TrainError::from)?;
    if let Some(out) = &args.output {
        for path in files::picture_paths(out)? {
            files::must_be_free(&path, args.force)?;
        }
    }
    let (labels, data) = match (&args.data, args.samples) {
        (Some(data), _) => {
            let data = environment::load_for(data, model.input().dims())?;
            fits::check(&source, &model, &data)?;
            (data.train.labels, data.name)
        }
        (None, samples) => {
            let samples = samples.unwrap_or(1) as usize;
            (vec![0; samples], format!("{samples} samples"))
        }
    };
    let length = fit_length(&config.fit, &labels)?;
    let shown = Shown {
        name: model.name(),
        data: &data,
        config: &config,
        length,
        schedule: config.compile.optimizer.learning_rate().over(length),
    };
    let written = match &args.output {
        Some(out) => files::picture(out, &shown.scene(), args.force)?,
        None => Vec::new(),
    };
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::result(&match args.format {
        Format::Text => written.iter().fold(shown.text(), |text, path| text + path + "\n"),
        Format::Json => shown.json(&written).to_string() + "\n",
    })
}

/// Rates and where they come from.
struct Shown<'a> {
    name: &'a str,
    data: &'a str,
    config: &'a Config,
    length: FitLength,
    schedule: Schedule,
}

impl Shown<'_> {
    fn steps(&self) -> u64 {
        self.length.epochs as u64 * self.length.steps_per_epoch as u64
    }

    fn rate(&self, step: u64) -> f64 {
        f64::from(self.schedule.at(step))
    }

    /// What moves the rate: a schedule's name, or nothing.
    fn kind(&self) -> &'static str {
        self.config.compile.optimizer.learning_rate().name()
    }

    fn heading(&self) -> String {
        let FitLength { epochs, steps_per_epoch } = self.length;
        format!(
            "{} on {}, {}, {}: {epochs} epochs of {steps_per_epoch} steps, {} images a step",
            self.name,
            self.data,
            self.config.compile.optimizer.name(),
            self.kind(),
            self.config.fit.batch_size
        )
    }

    /// Steps that a table or a line shows: at most so many, evenly, the first and the last among them.
    fn some(&self, most: u64) -> Vec<u64> {
        let last = self.steps().saturating_sub(1);
        let count = most.min(last + 1);
        (0..count).map(|i| if count > 1 { i * last / (count - 1) } else { 0 }).collect()
    }

    fn text(&self) -> String {
        let mut text =
            format!("{}\n\n{:>8}  {:>8}  {:>10}\n", self.heading(), "epoch", "step", "rate");
        let scheduled = self.config.compile.optimizer.learning_rate().is_scheduled();
        let rows = self.some(if scheduled { TABLE_ROWS } else { 1 });
        let top = rows.iter().map(|&step| self.rate(step)).fold(0.0, f64::max);
        for step in rows {
            let rate = self.rate(step);
            let share = if top > 0.0 { rate / top } else { 0.0 };
            let bar = "▪".repeat((share * BAR).round() as usize);
            let epoch = step as f64 / self.length.steps_per_epoch as f64;
            let row = format!("{epoch:>8.2}  {:>8}  {:>10}  {bar}", step + 1, rate_text(rate));
            let _ = writeln!(text, "{}", row.trim_end());
        }
        if !scheduled {
            text += "the learning rate is a number: nothing changes it but a callback\n";
        }
        text
    }

    fn json(&self, files: &[String]) -> Value {
        let points: Vec<Value> = self
            .some(JSON_POINTS)
            .into_iter()
            .map(|step| json!({ "step": step, "rate": self.rate(step) }))
            .collect();
        json!({
            "schema": 1, "model": self.name, "data": self.data,
            "optimizer": self.config.compile.optimizer.name(), "schedule": self.kind(),
            "epochs": self.length.epochs, "steps_per_epoch": self.length.steps_per_epoch,
            "batch_size": self.config.fit.batch_size, "points": points, "files": files,
        })
    }

    /// The rate over the epochs. A rate that jumps is drawn as it is: with the step before the jump and the one after it.
    fn scene(&self) -> Scene {
        let per_epoch = self.length.steps_per_epoch as f64;
        let points: Vec<(f64, f64)> = self
            .some(PICTURE_POINTS)
            .into_iter()
            .map(|step| (step as f64 / per_epoch, self.rate(step)))
            .collect();
        line_chart(&LineChart {
            title: "Learning rate",
            subtitle: &self.heading(),
            x_label: "epochs",
            y_label: "learning rate",
            series: &[Series { name: self.kind(), points: &points }],
            ..LineChart::default()
        })
    }
}

/// Rows of the table, at most.
const TABLE_ROWS: u64 = 21;

/// Points of the picture, at most: more than it has pixels across.
const PICTURE_POINTS: u64 = 2000;

/// Points of the JSON object, at most.
const JSON_POINTS: u64 = 10_000;

/// The longest bar, in characters.
const BAR: f64 = 40.0;
