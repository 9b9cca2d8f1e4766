//! `cnn train --resume`: from a run folder and its last checkpoint to the end that the run would have had.

use super::finish::Job;
use super::{Args, announce, begin, check_fit, overrides, places, train, trainer};
use crate::failure::{Exit, Failure};
use crate::files::{self, ModelText};
use crate::{environment, output, signals};
use cnn_data::Dataset;
use cnn_nn::Model;
use cnn_train::{Checkpoint, Config, RunDir, RunInfo, TrainError, Trainer};
use std::fs;
use std::path::{Path, PathBuf};

/// Where runs are that were given no folder.
const RUNS: &str = "runs";

/// Goes on with a run; or begins the one that the command line describes, where its folder has none yet, so that one command can
/// be called until it is done.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let folder = folder(args)?;
    if !folder.join("config.toml").is_file() && args.model.is_some() && args.data.is_some() {
        if args.rate_factor.is_some() {
            return Err(nothing(&folder));
        }
        let force = args.force || barely_begun(&folder);
        return begin(&Args { run_dir: Some(folder), force, ..args.clone() });
    }
    let run = RunDir::resume(&folder).map_err(|error| match error {
        TrainError::NotARun { .. } => nothing(&folder),
        other => other.into(),
    })?;
    let info = RunDir::info(&folder)?;
    match run {
        Some(run) => go_on(args, &run, &info),
        None => finished(args, &folder, &info),
    }
}

/// A run that is finished stays as it is. What is given again has to be what it was trained with.
fn finished(args: &Args, folder: &Path, info: &RunInfo) -> Result<(), Failure> {
    let given = args;
    let args = &remembered(args, info);
    check_mode(args, folder, info)?;
    let (_, config) = described(args, folder)?;
    check_config(folder, &config, &config.model.build().map_err(TrainError::from)?)?;
    if given.data.is_some() || given.limit.is_some() {
        check_data(args, folder, info, &load(args, &config, info)?)?;
    }
    let hash = info.weights_hash.as_deref().unwrap_or_default();
    output::result(&format!(
        "{} is finished: there is nothing to resume\n  seed {}, weights {hash}\n",
        folder.display(),
        info.seed
    ))
}

/// Whether a run was killed here before it began: with a run.json, but no configuration, or with half-written files alone.
fn barely_begun(folder: &Path) -> bool {
    let half = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".cnn-");
    let nothing_else = || fs::read_dir(folder).is_ok_and(|all| all.flatten().all(half));
    folder.join("run.json").is_file() || nothing_else()
}

fn go_on(args: &Args, run: &RunDir, info: &RunInfo) -> Result<(), Failure> {
    let on_screen = args.tui && super::screen::wanted(args.format)?;
    let args = &remembered(args, info);
    let folder = run.path();
    check_mode(args, folder, info)?;
    places::check_files(args, folder)?;
    let (source, config) = described(args, folder)?;
    let (from, damaged) = run.checkpoints().latest()?;
    for note in damaged {
        output::note(&format!("note: passed over: {note}\n"));
    }
    let data = load(args, &config, info)?;
    if data.fingerprint != info.data_fingerprint || from.is_none() {
        check_data(args, folder, info, &data)?;
    }
    let mut trainer = trainer(args, &source, &config, &data)?;
    match &from {
        Some(from) => {
            let fits = trainer.check_resume(from, &identity(&data, args));
            fits.map_err(|error| Failure::from(error).at(folder))?;
        }
        None => check_config(folder, &config, trainer.model())?,
    }
    check_fit(&mut trainer, &config, &data, &run.callback_context())?;
    let from = slower(args, run, from)?;
    let place = place_of(from.as_ref(), config.fit.epochs);
    output::note(&format!("note: {} goes on {place}\n", folder.display()));
    announce(args, &config, &trainer, &data, from.as_ref())?;
    let job = Job { args, config: &config, data: &data, run, info, on_screen };
    train(&job, trainer, from)
}

/// Where a run goes on.
fn place_of(from: Option<&Checkpoint>, epochs: usize) -> String {
    let Some(from) = from else {
        return "from its beginning: it has no checkpoint yet".to_owned();
    };
    let ((epoch, step), steps) = (from.position(), from.steps_taken());
    let within = if step == 0 { String::new() } else { format!(", after {step} of its steps") };
    // The last epoch may be over.
    let epoch = (epoch + 1).min(epochs);
    format!("after step {steps}, in epoch {epoch}/{epochs}{within}")
}

/// The mode decides the bits.
fn check_mode(args: &Args, folder: &Path, info: &RunInfo) -> Result<(), Failure> {
    if args.mode.or_of(None) == info.deterministic {
        return Ok(());
    }
    let help = format!("resume with --deterministic {}, or train anew", info.deterministic.name());
    let what = "the run was begun in the other mode: its bits would be those of neither";
    Err(other(folder, what, &help))
}

/// Every value has to be the one that the run began with.
fn check_config(folder: &Path, config: &Config, model: &Model) -> Result<(), Failure> {
    let same = RunDir::check_config(folder, &config.resolved(model));
    same.map_err(|error| Failure::from(error).at(folder))
}

/// The data too, and how much of it.
fn check_data(args: &Args, folder: &Path, info: &RunInfo, data: &Dataset) -> Result<(), Failure> {
    let limit = args.limit.map(|limit| limit as usize);
    if data.fingerprint == info.data_fingerprint && limit == info.limit {
        return Ok(());
    }
    let was = described_data(&info.data, &info.data_fingerprint, info.limit);
    let what = format!("the run began with other data: {was}, now {}", identity(data, args));
    Err(other(folder, &what, "give the data set, and the --limit, that it began with"))
}

/// The run is another one.
fn other(folder: &Path, what: &str, help: &str) -> Failure {
    let place = folder.display().to_string();
    Failure::new(Exit::Disk, "T028", what, &place, &[], &[help])
}

/// With a smaller learning rate, if that is asked for; on the disk before anything else, so that it holds for whoever goes on later.
fn slower(
    args: &Args,
    run: &RunDir,
    from: Option<Checkpoint>,
) -> Result<Option<Checkpoint>, Failure> {
    let Some(factor) = args.rate_factor else { return Ok(from) };
    let Some(from) = from else {
        let what = "there is no checkpoint to go on from with a smaller rate";
        let help = "train anew, with a smaller learning_rate in [compile]";
        return Err(other(run.path(), what, help));
    };
    let from = from.slower(factor);
    run.checkpoints().save(&from)?;
    Ok(Some(from))
}

/// The run that is meant.
fn folder(args: &Args) -> Result<PathBuf, Failure> {
    let named = args.resume.clone().flatten().or_else(|| args.run_dir.clone());
    match named.or_else(latest) {
        Some(folder) => Ok(folder),
        None => Err(nothing(Path::new(RUNS))),
    }
}

/// The latest run in runs/ that is not finished: the names begin with the time.
fn latest() -> Option<PathBuf> {
    let folders = fs::read_dir(RUNS).ok()?.flatten().map(|entry| entry.path());
    folders.filter(|path| RunDir::info(path).is_ok_and(|info| !info.finished)).max()
}

fn nothing(folder: &Path) -> Failure {
    let place = folder.display().to_string();
    let what = "there is nothing to resume";
    let start = "start with: cnn train MODEL --data DATA";
    Failure::new(Exit::Disk, "T020", what, &place, &[], &[start])
}

/// With what the run itself knows, where the command line does not say it; for the data see [`load`].
fn remembered(args: &Args, info: &RunInfo) -> Args {
    let limit = info.limit.and_then(|limit| u32::try_from(limit).ok());
    Args {
        limit: args.limit.or(limit),
        mode: args.mode.or(info.deterministic),
        initial_weights: args
            .initial_weights
            .clone()
            .or_else(|| info.initial_weights.as_ref().map(PathBuf::from)),
        ..args.clone()
    }
}

/// The data set of the command line, or the run's own.
fn load(args: &Args, config: &Config, info: &RunInfo) -> Result<Dataset, Failure> {
    if args.data.is_some() {
        return super::load(args, config);
    }
    let help = "--data names the place where the run's data set is now";
    let data = environment::load_of(info, &config.model.input);
    Ok(environment::first_images(data.map_err(|failure| failure.help(help))?, args.limit))
}

/// The model.toml of the command line, or the run's own with every value spelt out; and what it says.
fn described(args: &Args, folder: &Path) -> Result<(ModelText, Config), Failure> {
    let own = || files::model(&folder.join("config.toml").to_string_lossy());
    let source = args.model.as_deref().map_or_else(own, files::model)?;
    let read = Config::from_toml_with(&source.name, &source.text, overrides(args)?);
    let (config, _) = read.map_err(|found| Failure::mistakes(&found))?;
    Ok((source, config))
}

/// What a run learns from: a checkpoint of anything else is refused.
pub(super) fn identity(data: &Dataset, args: &Args) -> String {
    described_data(&data.name, &data.fingerprint, args.limit.map(|limit| limit as usize))
}

fn described_data(name: &str, fingerprint: &str, limit: Option<usize>) -> String {
    let images = limit.map_or_else(|| "all images".to_owned(), |n| format!("{n} images"));
    format!("{name} {fingerprint}, {images}")
}

/// A run that ended in an error may be taken up.
pub(super) fn help(error: TrainError, run: &RunDir) -> Failure {
    let disk = matches!(error, TrainError::Disk { .. });
    let failure = Failure::from(error);
    if disk { failure.help(&format!("then go on: {}", line(run))) } else { failure }
}

fn line(run: &RunDir) -> String {
    format!("cnn train --resume {}", run.path().display())
}

/// The end of a run that a signal has interrupted.
pub(super) fn interrupted(trainer: &Trainer, run: &RunDir) -> Failure {
    let signal = signals::caught().unwrap_or_default();
    // A bar that was being drawn stays.
    let fresh = if output::stderr_is_terminal() { "\n" } else { "" };
    let text = format!(
        "{fresh}note: {} after step {}: everything is saved\n  go on: {}\n",
        signals::name(signal),
        trainer.steps_taken(),
        line(run)
    );
    Failure { exit: Exit::of_signal(signal), text }
}

/// Ends the program as a signal would have, where one came too late to interrupt the training.
pub(super) fn signal() -> Result<(), Failure> {
    let Some(exit) = signals::caught().map(Exit::of_signal) else { return Ok(()) };
    let text = "note: a signal came at the end of training; the run is finished\n".to_owned();
    Err(Failure { exit, text })
}
