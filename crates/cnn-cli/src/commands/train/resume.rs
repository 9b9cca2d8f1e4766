//! `cnn train --resume`: from a run folder and its last checkpoint to the end that the run would have had.

use super::finish::Job;
use super::{Args, announce, begin, load, overrides, train, trainer};
use crate::failure::{Exit, Failure};
use crate::files::{self, ModelText};
use crate::{output, signals};
use cnn_data::Dataset;
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
    let Some(run) = run else {
        let hash = info.weights_hash.unwrap_or_default();
        return output::result(&format!(
            "{} is finished: there is nothing to resume\n  seed {}, weights {hash}\n",
            folder.display(),
            info.seed
        ));
    };
    go_on(args, &run, &info)
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
    if args.mode.or_of(None) != info.deterministic {
        let help =
            format!("resume with --deterministic {}, or train anew", info.deterministic.name());
        let place = run.path().display().to_string();
        let what = "the run was begun in the other mode: its bits would be those of neither";
        return Err(Failure::new(Exit::Disk, "T028", what, &place, &[], &[&help]));
    }
    for path in args.save_weights.iter().chain(&args.log_steps) {
        files::must_be_free(path, args.force)?;
    }
    let source = source(args, run)?;
    let (config, _) = Config::from_toml_with(&source.name, &source.text, overrides(args)?)
        .map_err(|found| Failure::mistakes(&found))?;
    let (from, damaged) = run.checkpoints().latest()?;
    for note in damaged {
        output::note(&format!("note: passed over: {note}\n"));
    }
    let data = load(args, &config)?;
    if data.fingerprint != info.data_fingerprint {
        let help = "give the data set that it began with";
        let place = run.path().display().to_string();
        let what = "the run began with other data";
        return Err(Failure::new(Exit::Disk, "T028", what, &place, &[], &[help]));
    }
    let trainer = trainer(args, &source, &config, &data)?;
    let from = slower(args, run, from)?;
    if from.is_none() {
        let kept = RunDir::config(run.path())?.resolved(trainer.model());
        if kept != config.resolved(trainer.model()) {
            let help = "resume with the values that it had, or train anew";
            let place = run.path().display().to_string();
            let what = "the configuration is not the one that the run began with";
            return Err(Failure::new(Exit::Disk, "T028", what, &place, &[], &[help]));
        }
    }
    let place = match &from {
        Some(from) => {
            let ((epoch, step), steps) = (from.position(), from.steps_taken());
            let within =
                if step == 0 { String::new() } else { format!(", after {step} of its steps") };
            // The last epoch may be over.
            let epoch = (epoch + 1).min(config.fit.epochs);
            format!("after step {steps}, in epoch {epoch}/{}{within}", config.fit.epochs)
        }
        None => "from its beginning: it has no checkpoint yet".to_owned(),
    };
    output::note(&format!("note: {} goes on {place}\n", run.path().display()));
    announce(args, &config, &trainer, &data, from.as_ref())?;
    let job = Job { args, config: &config, data: &data, run, info, on_screen };
    train(&job, trainer, from)
}

/// With a smaller learning rate, if that is asked for; on the disk before anything else, so that it holds for whoever goes on later.
fn slower(
    args: &Args,
    run: &RunDir,
    from: Option<Checkpoint>,
) -> Result<Option<Checkpoint>, Failure> {
    let Some(factor) = args.rate_factor else { return Ok(from) };
    let Some(from) = from else {
        let place = run.path().display().to_string();
        let what = "there is no checkpoint to go on from with a smaller rate";
        let help = "train anew, with a smaller learning_rate in [compile]";
        return Err(Failure::new(Exit::Disk, "T028", what, &place, &[], &[help]));
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

/// With what the run itself knows, where the command line does not say it.
fn remembered(args: &Args, info: &RunInfo) -> Args {
    let source = if info.data_source.is_empty() { &info.data } else { &info.data_source };
    let limit = info.limit.and_then(|limit| u32::try_from(limit).ok());
    Args {
        data: args.data.clone().or_else(|| Some(source.clone())),
        limit: args.limit.or(limit),
        mode: args.mode.or(info.deterministic),
        initial_weights: args
            .initial_weights
            .clone()
            .or_else(|| info.initial_weights.as_ref().map(PathBuf::from)),
        ..args.clone()
    }
}

/// The model.toml of the command line, or the run's own with every value spelt out.
fn source(args: &Args, run: &RunDir) -> Result<ModelText, Failure> {
    let own = || files::model(&run.file("config.toml").to_string_lossy());
    args.model.as_deref().map_or_else(own, files::model)
}

/// What a run learns from: a checkpoint of anything else is refused.
pub(super) fn identity(data: &Dataset, args: &Args) -> String {
    let images = args.limit.map_or_else(|| "all images".to_owned(), |n| format!("{n} images"));
    format!("{} {}, {images}", data.name, data.fingerprint)
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
