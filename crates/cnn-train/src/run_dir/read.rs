//! The way back from a run's folder.

use super::{RUN_JSON, RUN_SCHEMA, Remains, RunDir, RunInfo, SavedRun};
use crate::atomic;
use crate::config::Config;
use crate::error::TrainError;
use crate::history::{RunHistory, versioned};
use crate::lock::lock;
use crate::model_file::ModelFile;
use std::path::Path;

/// Bytes of a JSON file of a run, at most.
const JSON_LIMIT: u64 = 32 << 20;

impl RunDir {
    /// Reads a run back from its folder, or from its `model.cnn`.
    ///
    /// # Errors
    /// A folder without a model file; a file that is damaged or does not fit together.
    pub fn open(path: &Path) -> Result<SavedRun, TrainError> {
        let file = if path.is_dir() { path.join("model.cnn") } else { path.to_owned() };
        if path.is_dir() && !file.is_file() {
            if path.join(RUN_JSON).is_file() && Self::info(path).is_ok_and(|info| !info.finished) {
                return Err(unfinished(path));
            }
            let message = "it has no model.cnn".to_owned();
            return Err(TrainError::NotARun { path: path.to_owned(), message });
        }
        let saved = ModelFile::load(&file)?;
        let (config, model, weights) = saved.unpack()?;
        Ok(SavedRun {
            config,
            model,
            weights,
            classes: saved.classes,
            preprocessing: saved.preprocessing,
        })
    }

    /// Reads what there is of a run, finished or not; or a `model.cnn` by itself.
    ///
    /// # Errors
    /// A folder that is no run; a file that is there, but damaged.
    pub fn remains(path: &Path) -> Result<Remains, TrainError> {
        if !path.join(RUN_JSON).is_file() {
            let SavedRun { config, model, weights, classes, .. } = Self::open(path)?;
            return Ok(Remains {
                config,
                model,
                weights: Some(weights),
                classes,
                history: None,
                info: None,
            });
        }
        let (weights, classes) = if path.join("model.cnn").is_file() {
            let saved = Self::open(path)?;
            (Some(saved.weights), saved.classes)
        } else {
            (None, Vec::new())
        };
        let config = Self::config(path)?;
        let model = config.model.build()?;
        let history =
            path.join("history.json").is_file().then(|| Self::history(path)).transpose()?;
        Ok(Remains { config, model, weights, classes, history, info: Some(Self::info(path)?) })
    }

    /// Reads a run's `config.toml`: its configuration with every value spelt out.
    ///
    /// # Errors
    /// A file that is missing or no longer a configuration.
    pub fn config(path: &Path) -> Result<Config, TrainError> {
        let file = path.join("config.toml");
        let text = String::from_utf8_lossy(&atomic::read(&file, JSON_LIMIT)?).into_owned();
        let read = Config::from_toml("config.toml", &text);
        read.map(|(config, _)| config).map_err(|found| {
            let first = found.iter().next().map_or_else(String::new, |one| one.message.clone());
            TrainError::Json { path: file, message: first }
        })
    }

    /// Reads a run's `history.json`.
    ///
    /// # Errors
    /// A file that is missing, no such JSON, or of a later version.
    pub fn history(path: &Path) -> Result<RunHistory, TrainError> {
        let file = path.join("history.json");
        RunHistory::from_json(&file, &atomic::read(&file, JSON_LIMIT)?)
    }

    /// Reads a run's `run.json`.
    ///
    /// # Errors
    /// A file that is missing, no such JSON, or of a later version.
    pub fn info(path: &Path) -> Result<RunInfo, TrainError> {
        let file = path.join(RUN_JSON);
        versioned(&file, &atomic::read(&file, JSON_LIMIT)?, RUN_SCHEMA)
    }
}

/// Why a run that has not come to its end has no model, and how to go on.
pub(crate) fn unfinished(path: &Path) -> TrainError {
    let resume = format!("cnn train --resume {}", path.display());
    let (message, hint) = if lock(path).is_err() {
        ("it is being trained, so there is no model yet", "wait for its end".to_owned())
    } else if path.join("history.json").is_file() {
        (
            "its training did not come to its end: there is its history, but no weights",
            format!(
                "if it diverged, go on with half the learning rate: {resume} --rate-factor 0.5"
            ),
        )
    } else {
        ("its training was interrupted, so there is no model yet", format!("go on: {resume}"))
    };
    TrainError::Unfinished { path: path.to_owned(), message, hint }
}
