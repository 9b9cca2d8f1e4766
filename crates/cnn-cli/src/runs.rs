//! Opening a run: its model and weights, and the data set that it was trained on.

use crate::failure::{Exit, Failure};
use crate::{environment, output};
use cnn_data::Dataset;
use cnn_train::{RunDir, SavedRun, TrainError, TrainOptions, Trainer};
use std::path::Path;

/// A run that can be used. The path must be there.
pub(crate) fn open(path: &Path) -> Result<SavedRun, Failure> {
    if !path.exists() {
        let help = "give the folder that `cnn train` wrote; it said which";
        return Err(Failure::new(
            Exit::Disk,
            "T020",
            "there is no such run",
            &path.display().to_string(),
            &[],
            &[help],
        ));
    }
    RunDir::open(path).map_err(|error| match error {
        TrainError::ModelFile { .. } if path.is_dir() => {
            Failure::from(error).at(&path.join("model.cnn"))
        }
        _ => Failure::from(error).at(path),
    })
}

/// The run's model, ready to answer.
pub(crate) fn trainer(saved: &SavedRun, threads: u16) -> Result<Trainer, Failure> {
    let options = TrainOptions {
        threads: environment::threads(threads),
        isa: environment::isa()?,
        ..TrainOptions::default()
    };
    let mut trainer = Trainer::new(&saved.config, saved.model.clone(), options)?;
    trainer.set_weights(&saved.weights)?;
    Ok(trainer)
}

/// The data set that `given` names, or else the one that the run was trained on, as its run.json says. A note is printed
/// where the images are not those of the training.
pub(crate) fn data(run: &Path, given: Option<&str>) -> Result<Dataset, Failure> {
    let info = run.is_dir().then(|| RunDir::info(run)).transpose();
    let info = info.map_err(|error| Failure::from(error).at(run));
    let (source, trained_on) = match (given, info) {
        (Some(given), info) => {
            (given.to_owned(), info.ok().flatten().map(|info| info.data_fingerprint))
        }
        (None, Ok(Some(info))) => {
            let source = if info.data_source.is_empty() { info.data } else { info.data_source };
            (source, Some(info.data_fingerprint))
        }
        (None, Ok(None)) => {
            return Err(Failure::usage(
                "a model.cnn does not say which data set it was trained on",
                "name it with --data, or give the run folder",
            ));
        }
        (None, Err(error)) => return Err(error),
    };
    let data = environment::load(&source).map_err(|failure| match given {
        Some(_) => failure,
        None => failure.help("--data names another data set, or another place of this one"),
    })?;
    if trained_on.is_some_and(|trained_on| trained_on != data.fingerprint) {
        output::note(&format!(
            "note: {} is not the data set that this run was trained on\n",
            data.name
        ));
    }
    Ok(data)
}
