//! `cnn lr-find`: which learning rates suit a model and its data.

use crate::args::Format;
use crate::failure::Failure;
use crate::{environment, files, fits, output, report};
use cnn_train::{
    Config, LrCurve, LrPoint, LrRange, Overrides, TrainError, TrainOptions, Trainer, rate_text,
};
use cnn_viz::Scene;
use cnn_viz::charts::{LineChart, LineMark, Series, line_chart};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cnn lr-find cnn32 --data fashion-mnist
  cnn lr-find model.toml --data mnist --from 1e-5 --to 1 --steps 400 --output rates.png";

/// What `cnn lr-find` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A model.toml, or the name of a preset: the model, its optimizer, its batch size.
    model: String,

    /// What to learn from: a name (fashion-mnist, mnist), a folder or a file (see `cnn --help`).
    #[arg(long, value_name = "DATA")]
    data: String,

    /// Learning rate of the first step.
    #[arg(long, value_name = "RATE", default_value = "1e-7", allow_negative_numbers = true)]
    from: f64,

    /// Learning rate of the last step; the test ends before it where the loss blows up.
    #[arg(long, value_name = "RATE", default_value = "10", allow_negative_numbers = true)]
    to: f64,

    /// Optimizer steps, each with a rate a fixed factor above the one before.
    #[arg(long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    steps: usize,

    /// Weight of the past in the smoothed loss, 0 to below 1.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.9, allow_negative_numbers = true)]
    smoothing: f64,

    /// Images per step; default the model.toml's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    batch_size: Option<u32>,

    /// Where all random numbers begin: the same seed gives the same curve; default the model.toml's.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,

    /// Only the first N training images.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    limit: Option<u32>,

    /// Threads; 0 takes what the machine has. Any number gives the same curve.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024), allow_negative_numbers = true)]
    threads: u16,

    /// The picture, .svg or .png; default NAME-lr-find as both.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Sweeps, draws, prints. Nothing but the picture is written.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (from, to, steps, smoothing) = (args.from, args.to, args.steps, args.smoothing);
    let range = LrRange { from, to, steps, smoothing, ..LrRange::default() };
    let range =
        range.checked().map_err(|error| Failure::usage(&error.to_string(), &error.hint()))?;
    let source = files::model(&args.model)?;
    let overrides = Overrides {
        batch_size: args.batch_size.map(|n| n as usize),
        seed: args.seed,
        ..Overrides::default()
    };
    let (config, warnings) = Config::from_toml_with(&source.name, &source.text, overrides)
        .map_err(|found| Failure::mistakes(&found))?;
    output::note(&report::diagnostics(&warnings));
    let model = config.model.build().map_err(TrainError::from)?;
    let out =
        args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}-lr-find", model.name())));
    for path in files::picture_paths(&out)? {
        files::must_be_free(&path, args.force)?;
    }
    let mut data = environment::load_for(&args.data, model.input().dims())?;
    fits::check(&source, &model, &data)?;
    data.train = args.limit.map_or_else(|| data.train.clone(), |n| data.train.take(n as usize));

    let options = TrainOptions {
        threads: environment::threads(args.threads),
        isa: environment::isa()?,
        ..TrainOptions::default()
    };
    let mut trainer = Trainer::new(&config, model, options)?;
    let curve = trainer.lr_range_test(&data.train, &range)?;
    let shown = Shown {
        name: trainer.model().name(),
        data: &data.name,
        config: &config,
        range,
        curve: &curve,
    };
    let written = files::picture(&out, &shown.scene(), args.force)?;
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::result(&match args.format {
        Format::Text => shown.text() + &written.join("\n") + "\n",
        Format::Json => shown.json(&written).to_string() + "\n",
    })
}

/// A curve and where it comes from.
struct Shown<'a> {
    name: &'a str,
    data: &'a str,
    config: &'a Config,
    range: LrRange,
    curve: &'a LrCurve,
}

impl Shown<'_> {
    fn heading(&self) -> String {
        let optimizer = self.config.compile.optimizer.name();
        let fit = &self.config.fit;
        format!(
            "{} on {}, {optimizer}, {} images a step, seed {}",
            self.name, self.data, fit.batch_size, fit.seed
        )
    }

    fn text(&self) -> String {
        let LrCurve { points, configured, .. } = self.curve;
        let mut text =
            format!("{}\n\n{:>9}  {:>9}  {:>9}\n", self.heading(), "rate", "loss", "smoothed");
        let top = points.iter().map(|p| p.smoothed).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let every = points.len().div_ceil(TABLE_ROWS);
        for point in points.iter().step_by(every) {
            let share = (point.smoothed / top).clamp(0.0, 1.0);
            let bar =
                "▪".repeat(if share.is_finite() { (share * BAR).round() as usize } else { 0 });
            let _ = writeln!(
                text,
                "{:>9}  {:>9}  {:>9}  {bar}",
                rate_text(point.rate),
                loss(point.loss),
                loss(point.smoothed)
            );
        }
        text.push('\n');
        text += &self.ending();
        match (self.curve.steepest(), self.curve.lowest(), self.curve.suggestion()) {
            (Some(steepest), Some(lowest), Some(suggestion)) => {
                let _ = writeln!(
                    text,
                    "steepest descent: {}\nlowest loss: {} at {}; a tenth of that rate: {}\n\
                     suggestion: learning_rate = {} (the model has {})",
                    rate_text(steepest),
                    loss(lowest.smoothed),
                    rate_text(lowest.rate),
                    rate_text(lowest.rate / 10.0),
                    rate_text(suggestion),
                    rate_text(*configured)
                );
            }
            _ => {
                let _ = writeln!(
                    text,
                    "no rate makes the loss fall (the model has {}): take more --steps, or the cause is another one;\n\
                     `cnn doctor RUN` looks for it",
                    rate_text(*configured)
                );
            }
        }
        text
    }

    /// How the test ended.
    fn ending(&self) -> String {
        let last = self.curve.points.last().map_or(self.range.from, |last| last.rate);
        if self.curve.blew_up {
            return format!("the loss blows up at {}\n", rate_text(last));
        }
        let lowest = self.curve.lowest().map(|point| point.rate);
        if lowest.is_some_and(|lowest| lowest > 0.5 * last) {
            return format!("the loss still falls at {}: --to may be larger\n", rate_text(last));
        }
        String::new()
    }

    fn json(&self, files: &[String]) -> Value {
        let LrRange { from, to, steps, smoothing, .. } = self.range;
        let curve = self.curve;
        json!({
            "schema": 1, "model": self.name, "data": self.data,
            "optimizer": self.config.compile.optimizer.name(), "configured": curve.configured,
            "batch_size": self.config.fit.batch_size, "seed": self.config.fit.seed,
            "from": from, "to": to, "steps": steps, "smoothing": smoothing,
            "suggestion": curve.suggestion(), "steepest": curve.steepest(), "lowest": curve.lowest(),
            "blew_up": curve.blew_up, "points": curve.points, "files": files,
        })
    }

    /// Loss over the rate, both as measured and smoothed, with what is suggested.
    fn scene(&self) -> Scene {
        let best = self.curve.points.iter().map(|p| p.smoothed).fold(f64::INFINITY, f64::min);
        let first = self.curve.points.first().map_or(best, |point| point.smoothed);
        // Beyond this a single batch would press the curve flat.
        let ceiling = (1.5 * first).max(2.0 * best);
        let line = |pick: fn(&LrPoint) -> f64| -> Vec<(f64, f64)> {
            let visible = |y: f64| if y <= ceiling { y } else { f64::NAN };
            self.curve.points.iter().map(|p| (p.rate, visible(pick(p)))).collect()
        };
        let (each, smoothed) = (line(|p| p.loss), line(|p| p.smoothed));
        let mut names = vec![(
            self.curve.configured,
            format!("the model has {}", rate_text(self.curve.configured)),
        )];
        if let (Some(steepest), Some(lowest)) = (self.curve.steepest(), self.curve.lowest()) {
            names.push((steepest, format!("steepest {}", rate_text(steepest))));
            names.push((
                lowest.rate / 10.0,
                format!("lowest / 10: {}", rate_text(lowest.rate / 10.0)),
            ));
        }
        let marks: Vec<LineMark<'_>> =
            names.iter().map(|(x, text)| LineMark { x: *x, text }).collect();
        line_chart(&LineChart {
            title: "Learning rate range test",
            subtitle: &self.heading(),
            x_label: "learning rate (logarithmic), rising with every step",
            y_label: "Loss",
            log_x: true,
            marks: &marks,
            series: &[
                Series { name: "each batch", points: &each },
                Series { name: "smoothed", points: &smoothed },
            ],
            ..LineChart::default()
        })
    }
}

/// Rows of the table, at most.
const TABLE_ROWS: usize = 25;

/// The longest bar, in characters.
const BAR: f64 = 40.0;

fn loss(loss: f64) -> String {
    if loss.abs() < 1e4 { format!("{loss:.4}") } else { format!("{loss:.1e}") }
}
