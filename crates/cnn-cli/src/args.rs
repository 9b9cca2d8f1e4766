//! The command line as clap sees it: names, help texts, defaults, ranges.

use crate::commands::{
    activations, augment, bench, completions, convolve, data, doctor, evaluate, experiment,
    explain, filters, layers, lr_find, man, new, predict, report, schedule, schema, summary, train,
    verify,
};
use clap::{Parser, Subcommand, ValueEnum};
use cnn_train::RunDir;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  cnn train cnn32 --data fashion-mnist      train the course's network and write a run folder
  cnn summary model.toml --wide             Keras's table, with the arithmetic behind every shape
  cnn predict runs/RUN shoe.png             classes with probabilities";

const NOTES: &str = "\
MODEL is a model.toml or the name of a preset (`cnn new --list`).
DATA is one of
  fashion-mnist, mnist   a name
  FOLDER                 with the four idx or idx.gz files; with train.csv and test.csv; or with
                         a folder of pictures for each class: train/shoe/*.png and
                         test/shoe/*.png, or shoe/*.png alone
  FILE.npz               with x_train, y_train, x_test, y_test
  FILE.csv, FILE.csv.gz  on each line the label and the pixels of an image
  Without a test split a fifth of every class becomes it, always the same one; DATA,test=0.3 takes
  another share. Pictures are resized to the model's input, or to DATA,size=64x64x3.
  A name is looked for in $CNN_DATA_DIR, in ./data, and in a `data` folder beside or above the program.

Results go to stdout, progress and diagnostics to stderr. Nothing is overwritten without --force.
Exit codes: 0 ok, 1 internal, 2 usage, 3 data, 4 model, 5 checkpoint or disk, 6 network,
  7 training diverged, 8 a gate failed.
Environment: CNN_DATA_DIR, CNN_ISA (scalar, avx2, avx512), NO_COLOR.";

/// Small convolutional networks: describe, train, look into.
#[derive(Debug, Parser)]
#[command(name = "cnn", version, before_help = EXAMPLES, after_help = NOTES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Colours on stdout and stderr.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One subcommand, one file under `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a preset to a file, to be changed.
    New(new::Args),
    /// Show a model's layers, shapes and parameters, as Keras does.
    Summary(summary::Args),
    /// Train a model and write a run folder.
    Train(Box<train::Args>),
    /// Measure a trained model: loss, accuracy, report per class, confusion matrix.
    Evaluate(evaluate::Args),
    /// Say whether a run repeats: files, measured numbers and, with --retrain, every bit of its training.
    Verify(verify::Args),
    /// Compare networks: a grid of them × seeds, in one table with tests and pictures.
    Experiment(Box<experiment::Args>),
    /// Say why a training does not learn: data, gradients, dead relus, learning rate.
    Doctor(doctor::Args),
    /// Sweep the learning rate: where the loss falls, and where it blows up.
    LrFind(lr_find::Args),
    /// Show the learning rate of every step, before any training.
    Schedule(schedule::Args),
    /// Classify pictures with a trained model.
    Predict(predict::Args),
    /// Draw feature maps: what the layers of any model put out for images.
    Activations(Box<activations::Args>),
    /// Draw the kernels of a trained model, with statistics and dead channels.
    Filters(Box<filters::Args>),
    /// Write a page about a run: curves, mistakes with their pictures, calibration, feature maps.
    Report(report::Args),
    /// Show why a trained model answers as it does, and whether to trust the explanation.
    Explain(Box<explain::Args>),
    /// See what the random layers of a model do to its images.
    #[command(subcommand)]
    Augment(augment::Command),
    /// Lay a kernel over a picture, as the course's filter lab does, and follow a pixel by hand.
    Convolve(Box<convolve::Args>),
    /// Measure how fast a model trains or answers here, and where the time goes.
    Bench(bench::Args),
    /// Get data sets, and look at them.
    #[command(subcommand)]
    Data(data::Command),
    /// Look up layers, losses, optimizers, callbacks, …, with their keys and an example each.
    Layers(layers::Args),
    /// Print the JSON Schema of a model.toml or sweep.toml, for editors.
    Schema(schema::Args),
    /// Print what a shell completes after `cnn`.
    Completions(completions::Args),
    /// Write the manual pages.
    Man(man::Args),
}

/// How exactly a result is to repeat on other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deterministic {
    /// The same bits on any number of threads and any x86-64 processor. Numbers closer to zero than 1.2e-38 count as
    /// zero, which other processors do not do in quite the same way.
    Fastest,
    /// The same bits on every processor: those numbers are kept. Slower where there are many of them.
    Portable,
}

impl From<Deterministic> for cnn_train::Deterministic {
    fn from(mode: Deterministic) -> Self {
        match mode {
            Deterministic::Fastest => Self::Fastest,
            Deterministic::Portable => Self::Portable,
        }
    }
}

/// The mode, for the commands that train or measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ModeArg {
    /// On which machines the result is the same, bit for bit. Default: what the run was begun with; `fastest` for a new one.
    #[arg(long, value_enum, value_name = "MODE")]
    deterministic: Option<Deterministic>,
}

impl ModeArg {
    /// The mode that is asked for.
    pub(crate) fn given(self) -> Option<cnn_train::Deterministic> {
        self.deterministic.map(Into::into)
    }

    /// The same, with a mode where none is asked for.
    pub(crate) fn or(self, mode: cnn_train::Deterministic) -> Self {
        let mode = match mode {
            cnn_train::Deterministic::Fastest => Deterministic::Fastest,
            cnn_train::Deterministic::Portable => Deterministic::Portable,
        };
        Self { deterministic: self.deterministic.or(Some(mode)) }
    }

    /// Or else that of the run in this folder.
    pub(crate) fn or_of(self, run: Option<&Path>) -> cnn_train::Deterministic {
        let of_run = || RunDir::info(run?).ok().map(|info| info.deterministic);
        self.given().or_else(of_run).unwrap_or_default()
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless the variable `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}
