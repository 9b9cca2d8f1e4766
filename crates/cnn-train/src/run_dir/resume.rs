//! Taking up a run that is not finished.

use super::{RUN_JSON, RunDir};
use crate::checkpoint::Checkpoints;
use crate::config::Config;
use crate::disk::{Real, sweep};
use crate::error::TrainError;
use crate::fit::other_config;
use crate::lock::lock;
use std::path::Path;

impl RunDir {
    /// Takes up a run that has begun and is not finished: locks its folder, and removes what killed processes have left half-written.
    /// Its files may be replaced. `None` for a run that is finished: nothing is changed then.
    ///
    /// # Errors
    /// [`TrainError::RunBusy`]; a folder that is no run, or whose run had not begun.
    pub fn resume(path: &Path) -> Result<Option<Self>, TrainError> {
        let nothing = |message: &str| {
            let (path, message) = (path.to_owned(), message.to_owned());
            TrainError::NotARun { path, message }
        };
        if !path.join(RUN_JSON).is_file() {
            return Err(nothing("there is nothing to resume"));
        }
        let lock = lock(path)?;
        if Self::info(path)?.finished {
            return Ok(None);
        }
        if !path.join("config.toml").is_file() {
            return Err(nothing("there is nothing to resume: it was ended before it began"));
        }
        sweep(&Real, path);
        Ok(Some(Self { path: path.to_owned(), replace: true, _lock: lock }))
    }

    /// Whether the run in this folder, finished or not, began with this configuration, every value spelt out
    /// ([`Config::resolved`]).
    ///
    /// # Errors
    /// [`TrainError::Resume`] with the first lines that differ; a `config.toml` that cannot be read.
    pub fn check_config(path: &Path, now: &Config) -> Result<(), TrainError> {
        let kept = Self::config(path)?;
        let kept = kept.resolved(&kept.model.build()?);
        if kept == *now {
            return Ok(());
        }
        Err(other_config(&kept.to_toml()?, &now.to_toml()?))
    }

    /// Its checkpoints.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(&self.path)
    }
}
