//! `cnn evaluate`: how a trained model does on a data set.

use crate::args::{Format, ModeArg};
use crate::failure::Failure;
use crate::output;
use crate::runs::{self, RunArg};
use cnn_train::{CALIBRATION_BINS, Calibration, Evaluation, TopKScore};
use serde_json::json;
use std::fmt::Write as _;

/// What `cnn evaluate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,

    /// What to measure on: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Which part of the data set.
    #[arg(long, value_enum, default_value_t = Part::Test)]
    split: Part,

    /// Only the first N images.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Threads; 0 takes what the machine has.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,

    #[command(flatten)]
    mode: ModeArg,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The images kept for testing.
    Test,
    /// The images for training.
    Train,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut saved = args.run.open()?;
    let mut trainer = runs::trainer(&saved, args.threads, args.mode.or_of(args.run.folder()))?;
    let data = args.run.data(&mut saved, args.data.as_deref())?;
    let split = if args.split == Part::Test { data.test } else { data.train };
    let split = args.limit.map_or_else(|| split.clone(), |limit| split.take(limit as usize));
    let (result, answers) = trainer.evaluate_each(&split)?;
    let report = result.report(&saved.classes);
    let (low, high) = result.accuracy_interval();
    let calibration = Calibration::new(&answers, CALIBRATION_BINS);
    if args.format == Format::Json {
        let rows: Vec<&[u64]> = result.confusion.chunks_exact(result.classes).collect();
        let object = json!({
            "schema": 1, "model": trainer.model().name(), "data": data.name, "images": result.samples,
            "loss": result.loss, "data_loss": result.data_loss, "penalty": result.penalty,
            "accuracy": result.accuracy, "accuracy_95": [low, high],
            "top_k": result.top_k, "nll": result.nll, "brier": result.brier,
            "ece": calibration.ece, "ece_bins": CALIBRATION_BINS, "mean_confidence": calibration.confidence,
            "classes": saved.classes, "report": report, "confusion_matrix": rows,
        });
        return output::result(&format!("{object}\n"));
    }
    let mut text = format!("{} images of {}\n", result.samples, data.name);
    let _ = writeln!(text, "loss: {:.4} - accuracy: {:.4}", result.loss, result.accuracy);
    if result.penalty > 0.0 {
        let _ = writeln!(
            text,
            "the loss is that of the images, {:.4}, and the penalty of the regularised weights, {:.4}",
            result.data_loss, result.penalty
        );
    }
    let _ = writeln!(
        text,
        "accuracy, 95 % interval: {low:.4} to {high:.4} (Wilson)\n{}\
         negative log likelihood: {:.4} - Brier score: {:.4}\n\
         mean confidence: {:.4} - expected calibration error: {:.4} ({CALIBRATION_BINS} bins)\n\n\
         {report}\n{}",
        top_k(&result.top_k),
        result.nll,
        result.brier,
        calibration.confidence,
        calibration.ece,
        matrix(&result, &saved.classes)
    );
    let worst = result.most_confused(3);
    if !worst.is_empty() {
        text += "Mixed up most:\n";
        for (true_class, predicted, count) in worst {
            let _ = writeln!(
                text,
                "  {count} × {} taken for {}",
                saved.classes[true_class], saved.classes[predicted]
            );
        }
    }
    output::result(&text)
}

/// A line for each top-k metric.
pub(crate) fn top_k(scores: &[TopKScore]) -> String {
    scores.iter().fold(String::new(), |mut text, top| {
        let [low, high] = top.accuracy_95;
        let _ = writeln!(
            text,
            "{} (k = {}): {:.4}, 95 % interval {low:.4} to {high:.4}",
            top.name, top.k, top.accuracy
        );
        text
    })
}

/// The confusion matrix: rows are the true classes, columns the predicted ones.
fn matrix(result: &Evaluation, names: &[String]) -> String {
    let label = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let largest = result.confusion.iter().max().map_or(1, |count| count.to_string().len());
    let width = largest.max(result.classes.to_string().len()) + 1;
    let mut text = format!(
        "Confusion matrix (rows: true, columns: predicted, in the same order)\n{:label$}",
        ""
    );
    for column in 0..result.classes {
        let _ = write!(text, " {column:>width$}");
    }
    text.push('\n');
    for (name, row) in names.iter().zip(result.confusion.chunks_exact(result.classes)) {
        let _ = write!(text, "{name:label$}");
        for count in row {
            let _ = write!(text, " {count:>width$}");
        }
        text.push('\n');
    }
    text
}
