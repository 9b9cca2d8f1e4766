//! The run itself: its numbers at a glance, the model, how training went, how to repeat it.

use super::Run;
use super::answers::Measured;
use cnn_nn::summary::{self, commas};
use cnn_train::RunHistory;
use cnn_viz::charts::LearningCurves;
use cnn_viz::html::Html;
use cnn_viz::report::{Cell, Column, EpochColumn, Number, Section, Table, Tile, curves};
use std::fs;
use std::path::Path;

/// A model.toml is shown up to this length.
const MOST_BYTES: u64 = 64 << 10;

/// A sentence on what this is.
pub(super) fn summary(run: &Run<'_>, measured: Option<&Measured<'_>>) -> Vec<String> {
    let params = run.history.params;
    let epochs = run.history.epoch.len();
    let learned = format!(
        "A network of {} with {} parameters saw {} images of {} {}",
        plural(run.model.layers().len(), "layer"),
        commas(run.model.param_count() as u64),
        commas(params.samples as u64),
        run.info.data,
        match epochs {
            0 => "and finished no epoch".to_owned(),
            1 => "once".to_owned(),
            n => format!("{n} times each"),
        },
    );
    let result = measured.map_or_else(String::new, |measured| {
        let of = &measured.evaluation;
        format!(
            ", and recognises {} of {} test images, in {}",
            commas(of.correct()),
            commas(of.samples as u64),
            plural(of.classes, "class"),
        )
    });
    vec![format!("{learned}{result}.")]
}

/// What must be known before the numbers are read.
pub(super) fn warnings(run: &Run<'_>, measured: Option<&Measured<'_>>) -> Vec<String> {
    let mut warnings = Vec::new();
    if run.saved.is_none() {
        let last = run.history.get("loss").last();
        let why = match &run.history.stopped_by {
            Some(stop) => format!(": {}", stop.reason.trim()),
            None if last.is_some_and(|loss| !loss.is_finite()) => {
                ": the loss is no longer a number".to_owned()
            }
            None => String::new(),
        };
        warnings.push(format!(
            "Training diverged{why}. No weights were kept, so there is nothing to measure or to look into: this page shows how it went \
             until then. A lower learning rate is the first thing to try."
        ));
    }
    if let (Some(measured), Some(test)) = (measured, run.history.test) {
        let here = &measured.evaluation;
        if !measured.agrees_with(test) {
            warnings.push(format!(
                "Measured here on {} test images of {}: accuracy {}, loss {:.4}. The run itself reported accuracy {} and loss \
                 {:.4}: on other images (--data, --limit), or by a program with other kernels.",
                here.samples, measured.data.name, here.score().accuracy_text(), here.loss, test.accuracy_text(), test.loss
            ));
        }
    }
    warnings
}

/// The large numbers.
pub(super) fn tiles(run: &Run<'_>, measured: Option<&Measured<'_>>) -> Vec<Tile<'static>> {
    let mut tiles = Vec::new();
    let mut tile = |name, number, note: String| tiles.push(Tile { name, number, note });
    let interval = measured.map_or_else(String::new, |measured| {
        let (low, high) = measured.evaluation.accuracy_interval();
        interval_of([low, high])
    });
    let penalty = match run.history.penalty {
        p if p > 0.0 => format!("{p:.4} of it penalties"),
        _ => String::new(),
    };
    match (run.history.test, measured) {
        (Some(test), Some(measured)) => {
            let same = measured.agrees_with(test);
            let note = match test.accuracy_95 {
                _ if same => interval,
                Some(reported) => format!("{}, as the run reported", interval_of(reported)),
                None => "as the run reported".to_owned(),
            };
            tile("Test accuracy", Number::percent("history/test/accuracy", test.accuracy), note);
            tile("Test loss", Number::four("history/test/loss", test.loss), penalty);
        }
        (None, Some(measured)) => {
            let of = &measured.evaluation;
            tile("Test accuracy", Number::percent("evaluate/accuracy", of.accuracy), interval);
            tile("Test loss", Number::four("evaluate/loss", of.loss), penalty);
        }
        _ => {}
    }
    let model = &run.model;
    let count = |metric, n: u64| Number::new(metric, n as f64, commas(n));
    let params = model.param_count() as u64;
    let bytes = format!("{} of weights", summary::size(4 * params));
    tile("Parameters", count("summary/totals/params", params), bytes);
    let macs = count("summary/totals/macs", model.macs());
    tile("MACs", macs, "multiply-accumulates per image".into());
    let (done, asked) = (run.history.epoch.len(), run.history.params.epochs);
    let note = match &run.history.stopped_by {
        Some(stop) => format!("of {asked}: stopped by {}", stop.by),
        None => format!("batches of {}", run.history.params.batch_size),
    };
    tile("Epochs", Number::text(done.to_string()), note);
    let seconds: f64 = run.history.seconds.iter().sum();
    tile("Training time", Number::text(duration(seconds)), plural(run.info.threads, "thread"));
    tiles
}

/// Where an accuracy lies with 95 % confidence.
fn interval_of([low, high]: [f64; 2]) -> String {
    format!("95\u{a0}% interval: {:.1} to {:.1}\u{a0}%", 100.0 * low, 100.0 * high)
}

/// What identifies the run.
pub(super) fn facts(run: &Run<'_>) -> Vec<(&'static str, String)> {
    let hash = run.info.weights_hash.clone().unwrap_or_else(|| "none were kept".to_owned());
    vec![
        ("Data set", run.info.data.clone()),
        ("Seed", run.info.seed.to_string()),
        ("Weights, SHA-256", hash),
        ("Command", command(run)),
    ]
}

/// The layers with the arithmetic behind their shapes.
pub(super) fn model(run: &Run<'_>) -> Section {
    let mut section = Section::new("model", "Model");
    section.text(
        "Layer by layer: the shape that comes out, and how its height and width come about. With input i, window f, padding p on each side \
         and stride s: O = floor((i − f + 2p)/s) + 1. “Sees” is the part of the image that one output depends on.",
    );
    let columns = [
        Column::words("Layer (type)"),
        Column::words("Output shape"),
        Column::numbers("Parameters"),
        Column::words("Output size"),
        Column::numbers("Sees"),
        Column::numbers("MACs"),
    ];
    let count = |metric: String, n: u64| Cell::Number(Number::new(metric, n as f64, commas(n)));
    let row = |(at, row): (usize, summary::Row)| {
        vec![
            Cell::text(format!("{} ({})", row.name, row.kind)),
            Cell::text(row.output),
            count(format!("summary/layers/{at}/params"), row.params as u64),
            Cell::Text(row.size),
            Cell::text(row.sees),
            count(format!("summary/layers/{at}/macs"), row.macs),
        ]
    };
    let rows: Vec<Vec<Cell>> = summary::rows(&run.model).into_iter().enumerate().map(row).collect();
    let total = vec![
        Cell::text("Total"),
        Cell::text(""),
        count("summary/totals/params".into(), run.model.param_count() as u64),
        Cell::text(""),
        Cell::text(""),
        count("summary/totals/macs".into(), run.model.macs()),
    ];
    let caption = format!("Input {}", run.model.input());
    let table =
        Table { caption: &caption, columns: &columns, rows: &rows, foot: &[total], sort: false };
    section.body.push(table.html());
    section
}

/// The curves, what they say, and what ended training.
pub(super) fn training(run: &Run<'_>) -> Section {
    let history = &run.history;
    let (loss, accuracy, measured) = history.training_curves();
    let of = LearningCurves {
        title: run.model.name(),
        subtitle: "",
        loss,
        val_loss: history.get("val_loss"),
        accuracy,
        val_accuracy: history.accuracy("val_"),
        measured,
    };
    let columns: Vec<EpochColumn<'_>> =
        history.history.iter().map(|(name, values)| EpochColumn { name, values }).collect();
    curves(&of, &columns, &notes(history))
}

/// What the curves do not show.
fn notes(history: &RunHistory) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(train), Some(test)) = (history.train, history.test) {
        notes.push(format!(
            "After training, measured alike: accuracy {} and loss {:.4} on the training images, {} and {:.4} on the test images.",
            train.accuracy_text(), train.loss, test.accuracy_text(), test.loss
        ));
    }
    if let Some(stop) = &history.stopped_by {
        notes.push(format!("{} ended training: {}", stop.by, stop.reason.trim()));
    }
    notes
}

/// What it takes to come to the same weights again.
pub(super) fn repeat(run: &Run<'_>) -> Section {
    let mut section = Section::new("repeat", "Repeat it");
    let same =
        if run.info.weights_hash.is_some() { ", down to the hash of the weights" } else { "" };
    section.text(&format!(
        "The same model, data and seed give the same numbers on any number of threads{same}. Give another `--run-dir`, so that this run stays."
    ));
    section.code(&command(run));
    let unknown = || "not recorded".to_owned();
    section.facts(&[
        ("Seed", run.info.seed.to_string()),
        ("Weights, SHA-256", run.info.weights_hash.clone().unwrap_or_else(unknown)),
        ("Data set, SHA-256", run.info.data_fingerprint.clone()),
        ("Program", format!("cnn {}", run.info.program)),
        ("Instruction set", run.info.isa.clone()),
        ("Threads", run.info.threads.to_string()),
    ]);
    for (name, line) in [
        ("model.toml", "The model as it was given (model.toml)"),
        ("config.toml", "The same with every value spelt out (config.toml)"),
    ] {
        if let Some(text) = short_text(&run.folder.join(name)) {
            let mut code = Html::new();
            code.leaf("pre", &[("data-copy", ""), ("tabindex", "0")], &text);
            section.folded(line, code);
        }
    }
    section
}

/// A file's text, if it is not too long and is text.
fn short_text(path: &Path) -> Option<String> {
    let small = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_BYTES);
    if small { fs::read_to_string(path).ok() } else { None }
}

/// The command line that made the run, as a shell reads it.
fn command(run: &Run<'_>) -> String {
    let word = |(at, word): (usize, &String)| {
        let word = if at == 0 {
            Path::new(word).file_stem().map_or_else(|| word.clone(), |s| s.to_string_lossy().into())
        } else {
            word.clone()
        };
        let plain = |c: char| c.is_alphanumeric() || "-_=./,:+".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    run.info.command.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

fn plural(count: usize, word: &str) -> String {
    let end = match (count, word.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        _ => "s",
    };
    format!("{} {word}{end}", commas(count as u64))
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s if s < 7170.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_do() {
        assert_eq!([0.44, 31.6, 600.0, 9000.0].map(duration), ["0.4 s", "32 s", "10 min", "2.5 h"]);
        assert_eq!(plural(1, "class"), "1 class");
        assert_eq!(plural(1200, "class"), "1,200 classes");
        assert_eq!(plural(2, "layer"), "2 layers");
    }
}
