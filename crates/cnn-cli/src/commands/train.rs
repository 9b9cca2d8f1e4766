//! `cnn train`: from a model.toml and a data set to a run folder.

mod finish;
mod places;
mod resume;

use super::screen;
use super::summary;
use super::watch::{JsonLines, StepLog, Steps};
use crate::args::{Format, ModeArg};
use crate::failure::Failure;
use crate::files::{self, ModelText};
use crate::output::{self, Progress};
use crate::{environment, fits, report, signals};
use cnn_callbacks::{BuildContext, Callback, ProgressBar, Style};
use cnn_data::Dataset;
use cnn_train::{
    Checkpoint, CheckpointEvery, Config, Fold, Overrides, Resumable, RunDir, RunInfo, TrainError,
    TrainOptions, Trainer,
};
use finish::Job;
pub(crate) use finish::draw_curves;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

const EXAMPLES: &str = "\
Examples:
  cnn train cnn32 --data fashion-mnist              a run folder in runs/
  cnn train model.toml --data DATA --run-dir run1   in a folder of one's own
  cnn train --resume run1                           go on after Ctrl-C or a crash, bit for bit";

/// What `cnn train` takes. Values given here win over the model.toml's.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct Args {
    /// A model.toml, or the name of a preset. With --resume, the run's own.
    #[arg(required_unless_present = "resume")]
    model: Option<String>,

    /// What to learn from: a name (fashion-mnist, mnist), a folder or a file (see `cnn --help`).
    /// With --resume, the run's own.
    #[arg(long, value_name = "DATA", required_unless_present = "resume")]
    data: Option<String>,

    /// Go on with a run that was interrupted or killed, from its last checkpoint: it ends with the same bits. Without RUN, that of
    /// --run-dir, or else the latest in runs/. A run that is finished stays as it is.
    #[arg(long, value_name = "RUN", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "with and without its value")]
    resume: Option<Option<PathBuf>>,

    /// With --resume: go on with the learning rate times F, as after a loss that became NaN; 0 to 1.
    #[arg(long, value_name = "F", requires = "resume", value_parser = rate_factor, allow_negative_numbers = true)]
    rate_factor: Option<f32>,

    /// How often a checkpoint is written: `auto` (every 30 s and after every epoch, at most 1 % of the time), seconds as `10s`,
    /// a number of steps, or `never` (on Ctrl-C only).
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = str::parse::<CheckpointEvery>)]
    checkpoint_every: CheckpointEvery,

    /// Where the run is kept; default runs/TIME-NAME.
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,

    /// Write over a run folder or file that exists.
    #[arg(long)]
    force: bool,

    /// How often the training set is seen.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    epochs: Option<u32>,

    /// Images per step.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    batch_size: Option<u32>,

    /// Where all random numbers begin: the same seed gives the same bits.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,

    /// The last fraction of the training set, kept aside for validation; 0 to 1.
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true)]
    validation_split: Option<f64>,

    /// Take of every class its share for validation, and not the last images.
    #[arg(long)]
    stratified: bool,

    /// Cross-validation: keep part N of K for validation, with the same share of every class in each. 2/5 is the second of
    /// five; the five trainings of one seed validate every image once.
    #[arg(long, value_name = "N/K", conflicts_with_all = ["validation_split", "stratified"])]
    fold: Option<Fold>,

    /// Threads; 0 takes what the machine has. Any number gives the same bits.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024), allow_negative_numbers = true)]
    threads: u16,

    #[command(flatten)]
    mode: ModeArg,

    /// Only the first N training images (and test images).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    limit: Option<u32>,

    /// Keep the order of the data set in every epoch.
    #[arg(long)]
    no_shuffle: bool,

    /// Measure the training images too, after every epoch and at the end, as the validation and test images are: with the
    /// weights as they are then, without dropout, augmentation and mixing. Costs a forward pass per epoch.
    #[arg(long)]
    eval_train: bool,

    /// Measure the test images too after every epoch, for the record: `test_loss` and `test_accuracy` in history.json and
    /// history.csv. No callback can follow them, and the weights stay the same, bit for bit.
    #[arg(long)]
    eval_test: bool,

    /// Begin with these weights (keys as `conv2d/kernel`) instead of random ones.
    #[arg(long, value_name = "FILE.npz")]
    initial_weights: Option<PathBuf>,

    /// Write the final weights here as well as into the run folder.
    #[arg(long, value_name = "FILE.npz")]
    save_weights: Option<PathBuf>,

    /// Write the loss of every step here, to compare a run step by step.
    #[arg(long, value_name = "FILE.csv")]
    log_steps: Option<PathBuf>,

    /// Progress on stderr: 0 none, 1 a bar (one line per epoch where stderr is no terminal), 2 one line per epoch.
    #[arg(long, value_name = "0|1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    verbose: u8,

    /// A full-screen view in place of that: live curves, accuracy per class, and keys to stop and save or to pause. Wants a
    /// terminal, and a cnn that was built with `--features tui`.
    #[arg(long)]
    tui: bool,

    /// Results on stdout as text, or as JSON Lines (one event per line).
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Checks everything that can be wrong, trains, tests, and writes what came of it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.resume.is_some() {
        return resume::run(args);
    }
    begin(args)
}

/// A run from its beginning.
fn begin(args: &Args) -> Result<(), Failure> {
    let on_screen = args.tui && screen::wanted(args.format)?;
    let source = files::model(args.model.as_deref().unwrap_or_default())?;
    let (config, warnings) = Config::from_toml_with(&source.name, &source.text, overrides(args)?)
        .map_err(|found| Failure::mistakes(&found))?;
    output::note(&report::diagnostics(&warnings));
    let folder =
        args.run_dir.clone().unwrap_or_else(|| environment::new_run(run_name(&config, &source)));
    places::check(args, &folder)?;

    let data = load(args, &config)?;
    let mut trainer = trainer(args, &source, &config, &data)?;
    check_fit(&mut trainer, &config, &data, &RunDir::context_of(&folder, args.force))?;
    let info = info(args, &config, &data, &trainer)?;
    // Nothing is refused any more: an old run may go.
    let run = RunDir::create(&folder, args.force)?;
    run.begin(&source.text, &config, trainer.model(), &info)?;
    announce(args, &config, &trainer, &data, None)?;
    let job = Job { args, config: &config, data: &data, run: &run, info: &info, on_screen };
    train(&job, trainer, None)
}

/// Trains, from the beginning or from a checkpoint, and does what comes after.
fn train(job: &Job<'_>, mut trainer: Trainer, from: Option<Checkpoint>) -> Result<(), Failure> {
    let Job { args, config, data, run, on_screen, .. } = *job;
    let steps = Steps::default();
    let mut callbacks = callbacks(args, config, &steps, on_screen);
    callbacks.extend(own_callbacks(config, &run.callback_context())?);
    if on_screen {
        // Last, so that it sees what the others ask for.
        callbacks.extend(screen::callback(trainer.model(), data));
    }
    let checkpoints = run.checkpoints();
    let plan = Resumable {
        checkpoints: &checkpoints,
        every: args.checkpoint_every,
        data: resume::identity(data, args),
        from,
        interrupt: &signals::INTERRUPT,
    };
    signals::watch().map_err(|error| Failure::disk(run.path(), &error))?;
    let fit = trainer.fit_resumable(&data.train, None, &data.test, &mut callbacks, plan);
    signals::let_through();
    // The terminal is given back, and files are closed.
    drop(callbacks);
    let fit = fit.map_err(|error| resume::help(error, run))?;
    if fit.interrupted {
        return Err(resume::interrupted(&trainer, run));
    }
    let finished = job.finish(&mut trainer, &fit);
    let logged = match &args.log_steps {
        Some(path) if !fit.diverged() => {
            let csv = steps.lock().unwrap_or_else(PoisonError::into_inner);
            files::write(path, csv.as_bytes(), args.force)
        }
        _ => Ok(()),
    };
    finished.and(logged)?;
    resume::signal()
}

/// Refuses what training would refuse, before anything is written.
fn check_fit(
    trainer: &mut Trainer,
    config: &Config,
    data: &Dataset,
    context: &BuildContext,
) -> Result<(), Failure> {
    let mut callbacks = own_callbacks(config, context)?;
    Ok(trainer.check_fit(&data.train, &data.test, &mut callbacks)?)
}

/// The callbacks of the model.toml.
fn own_callbacks(
    config: &Config,
    context: &BuildContext,
) -> Result<Vec<Box<dyn Callback>>, Failure> {
    let built = config.build_callbacks(context);
    built.map_err(|(_, error)| Failure::model("M063", &error.to_string(), "", ""))
}

/// A factor that makes a rate smaller.
fn rate_factor(text: &str) -> Result<f32, String> {
    let factor = text.parse().ok().filter(|factor: &f32| *factor > 0.0 && *factor <= 1.0);
    factor.ok_or_else(|| "not between 0 and 1; 0.5 halves the learning rate".to_owned())
}

/// What the command line says differently from the model.toml.
fn overrides(args: &Args) -> Result<Overrides, Failure> {
    if let Some(share) = args.validation_split.filter(|share| !(0.0..1.0).contains(share)) {
        return Err(Failure::usage(
            &format!("--validation-split {share} is no share of the training images"),
            "--validation-split 0.1 keeps the last tenth for validation",
        ));
    }
    Ok(Overrides {
        epochs: args.epochs.map(|n| n as usize),
        batch_size: args.batch_size.map(|n| n as usize),
        validation_split: args.validation_split,
        stratified: args.stratified.then_some(true),
        fold: args.fold,
        shuffle: args.no_shuffle.then_some(false),
        seed: args.seed,
        eval_train: args.eval_train.then_some(true),
        eval_test: args.eval_test.then_some(true),
    })
}

/// The model's name, or its file's.
fn run_name<'a>(config: &'a Config, source: &'a ModelText) -> &'a str {
    let stem = Path::new(&source.name).file_stem().and_then(|stem| stem.to_str());
    config.model.name.as_deref().or(stem).unwrap_or("model")
}

/// The data set, or its first images.
fn load(args: &Args, config: &Config) -> Result<Dataset, Failure> {
    let source = args.data.as_deref().unwrap_or_default();
    Ok(environment::first_images(environment::load_for(source, &config.model.input)?, args.limit))
}

/// A trainer for a model that fits the data, with the weights to begin with.
fn trainer(
    args: &Args,
    source: &ModelText,
    config: &Config,
    data: &Dataset,
) -> Result<Trainer, Failure> {
    let model = config.model.build().map_err(TrainError::from)?;
    fits::check(source, &model, data)?;
    let options = TrainOptions {
        threads: environment::threads(args.threads),
        isa: environment::isa_for(args.mode.or_of(None))?,
        ..TrainOptions::default()
    };
    let mut trainer = Trainer::new(config, model, options)?;
    trainer.set_class_names(&data.classes)?;
    if let Some(path) = &args.initial_weights {
        trainer.set_named_weights(&cnn_train::read_npz(path)?)?;
    }
    Ok(trainer)
}

/// How the run comes about: what is needed to repeat it.
fn info(
    args: &Args,
    config: &Config,
    data: &Dataset,
    trainer: &Trainer,
) -> Result<RunInfo, Failure> {
    Ok(RunInfo {
        seed: config.fit.seed,
        threads: environment::threads(args.threads),
        isa: environment::isa()?.name().to_owned(),
        deterministic: args.mode.or_of(None),
        command: environment::command_line(),
        data: data.name.clone(),
        data_source: args.data.clone().unwrap_or_default(),
        data_path: environment::data_path(args.data.as_deref().unwrap_or_default()),
        data_fingerprint: data.fingerprint.clone(),
        limit: args.limit.map(|limit| limit as usize),
        initial_weights: args.initial_weights.as_ref().map(|path| path.display().to_string()),
        initial_weights_hash: args.initial_weights.as_ref().map(|_| trainer.weights_hash()),
        ..RunInfo::default()
    })
}

/// The summary, or the event that begins a run.
fn announce(
    args: &Args,
    config: &Config,
    trainer: &Trainer,
    data: &Dataset,
    from: Option<&Checkpoint>,
) -> Result<(), Failure> {
    match args.format {
        Format::Text if from.is_some() => Ok(()),
        Format::Text => output::result(&summary::table(
            trainer.model(),
            Format::Text,
            false,
            output::stdout_width(),
        )),
        Format::Json => {
            let mut event = json!({
                "event": "begin", "schema": 1, "model": trainer.model().name(), "parameters": trainer.model().param_count(),
                "data": data.name, "images": data.train.len(), "epochs": config.fit.epochs,
                "batch_size": config.fit.batch_size, "seed": config.fit.seed,
            });
            if let Some(from) = from {
                event["resumed_after_step"] = json!(from.steps_taken());
            }
            output::result(&format!("{event}\n"))
        }
    }
}

/// The callbacks that the command line asks for, and where [`StepLog`] writes.
fn callbacks(
    args: &Args,
    config: &Config,
    steps: &Steps,
    on_screen: bool,
) -> Vec<Box<dyn Callback>> {
    let mut all: Vec<Box<dyn Callback>> = Vec::new();
    let style = match args.verbose {
        _ if on_screen => None,
        0 => None,
        1 if output::stderr_is_terminal() => Some(Style::Bar { colour: true }),
        _ => Some(Style::Lines),
    };
    if let Some(style) = style {
        all.push(Box::new(ProgressBar::new(Box::new(Progress), style)));
    }
    if args.format == Format::Json {
        all.push(Box::new(JsonLines));
    }
    if args.log_steps.is_some() {
        all.push(Box::new(StepLog::new(config.fit.batch_size, steps)));
    }
    all
}
