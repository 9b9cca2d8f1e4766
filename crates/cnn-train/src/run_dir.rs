//! The folder that a run leaves behind, and the way back from it.

mod read;
mod resume;

pub(crate) use read::unfinished;

use crate::atomic;
use crate::checkpoint::Checkpoints;
use crate::config::Config;
use crate::deterministic::Deterministic;
use crate::disk::{Real, sweep};
use crate::error::TrainError;
use crate::history::{RunHistory, json};
use crate::lock::lock;
use crate::model_file::{ModelFile, Preprocessing};
use crate::sums::sums;
use crate::weights::write_npz;
use cnn_nn::Model;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The run's own files. Callbacks may not write to them, and only these are removed when a run is replaced.
pub(crate) const FILES: [&str; 11] = [
    RECORD,
    "model.toml",
    "config.toml",
    "model.cnn",
    "weights.npz",
    "history.json",
    "history.csv",
    "curves.svg",
    "curves.png",
    "report.html",
    RUN_JSON,
];

/// Of a run that is part of an experiment: the run's numbers, written last. See [`crate::experiment`]. Removed first, so
/// that a run that is being replaced is not taken for a finished one.
pub(crate) const RECORD: &str = "experiment.json";

/// Written first: the mark of a run folder.
pub(crate) const RUN_JSON: &str = "run.json";

/// Version of the layout of `run.json`.
const RUN_SCHEMA: u32 = 1;

/// A run folder.
///
/// | file | content |
/// |---|---|
/// | `model.toml` | as given |
/// | `config.toml` | the configuration with every value spelt out |
/// | `model.cnn` | the trained model, see [`crate::model_file`] |
/// | `weights.npz` | its weights for NumPy and Keras, by name: `conv2d/kernel` |
/// | `history.json`, `history.csv` | what every epoch reported |
/// | `curves.svg`, `curves.png` | pictures, written by whoever draws |
/// | `report.html` | a page about the run, written by `cnn report` |
/// | `run.json` | seed, versions, data fingerprint, weights hash, mode, threads, command, sums of the files |
///
/// Every file is written whole or not at all. While the run is trained there are checkpoints too, `step-….cnnckpt`, and whoever
/// trains has the folder locked.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    replace: bool,
    /// Held as long as there is one of these; the system lets go of it with the process, however that ends.
    _lock: Option<Arc<File>>,
}

/// The content of `run.json`: what is needed to repeat the run bit for bit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of the layout; set when written.
    pub schema: u32,
    /// Version of the program; set when written.
    pub program: String,
    /// Whether the run came to its end.
    pub finished: bool,
    /// Decides initial weights, order and dropout.
    pub seed: u64,
    /// Threads; the weights do not depend on it.
    pub threads: usize,
    /// Instruction set; the weights do not depend on it.
    pub isa: String,
    /// What the bits may depend on; in runs that do not say, the default.
    #[serde(default)]
    pub deterministic: Deterministic,
    /// Processor and system, such as `x86_64-linux`; set when written. Empty in runs that do not say.
    #[serde(default)]
    pub platform: String,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// Name of the data set.
    pub data: String,
    /// Where it was found: the name, folder or file that was asked for. Empty in runs that do not say.
    #[serde(default)]
    pub data_source: String,
    /// The same place from the root, to be found from any folder. Empty for a name, for a place that was given so, and in runs
    /// that do not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_path: String,
    /// SHA-256 of the data set.
    pub data_fingerprint: String,
    /// Only so many of its first images were used; `None` for all of them, and in runs that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The file of the weights that training began with; `None` for those of the seed, and in runs that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_weights: Option<String>,
    /// SHA-256 of those weights, where they are a file's; see [`crate::weights_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_weights_hash: Option<String>,
    /// SHA-256 of the final weights; see [`crate::weights_hash`].
    pub weights_hash: Option<String>,
    /// SHA-256 of the files that a finished run consists of, by name. Empty in runs that do not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

impl RunInfo {
    /// The words by which the data set was asked for; its name in runs that do not say.
    pub fn data_given(&self) -> &str {
        if self.data_source.is_empty() { &self.data } else { &self.data_source }
    }
}

/// What a finished run leaves.
#[derive(Clone, Copy, Debug)]
pub struct RunRecord<'a> {
    /// The configuration that was trained.
    pub config: &'a Config,
    /// The model.
    pub model: &'a Model,
    /// Its final weights.
    pub weights: &'a [f32],
    /// Name of each class.
    pub classes: &'a [String],
    /// How a picture becomes an input.
    pub preprocessing: Preprocessing,
    /// What every epoch reported, and the test.
    pub history: &'a RunHistory,
    /// How it came about; hash and versions are filled in.
    pub info: &'a RunInfo,
}

/// A run read back.
#[derive(Clone, Debug)]
pub struct SavedRun {
    /// The configuration, every value spelt out.
    pub config: Config,
    /// The model.
    pub model: Model,
    /// Its weights.
    pub weights: Vec<f32>,
    /// Name of each class.
    pub classes: Vec<String>,
    /// How a picture becomes an input.
    pub preprocessing: Preprocessing,
}

/// A run as far as it is there: one that diverged has no weights, one that was killed no history either.
#[derive(Clone, Debug)]
pub struct Remains {
    /// The configuration that was trained.
    pub config: Config,
    /// The model.
    pub model: Model,
    /// Its final weights.
    pub weights: Option<Vec<f32>>,
    /// Name of each class; empty without weights.
    pub classes: Vec<String>,
    /// What every epoch reported, of a run whose training came to its end.
    pub history: Option<RunHistory>,
    /// How it came about; `None` for a model file by itself.
    pub info: Option<RunInfo>,
}

/// Processor and system that this program is made for, such as `x86_64-linux`.
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

impl RunDir {
    /// Makes the folder. One that is there must be empty, or, with `replace`, hold a run, whose files are then removed.
    ///
    /// # Errors
    /// [`TrainError::Exists`]; [`TrainError::NotReplaced`] for a folder that holds files but no run; the disk's errors.
    pub fn create(path: &Path, replace: bool) -> Result<Self, TrainError> {
        let made = |source: io::Error| TrainError::disk("made", path, &source);
        fs::create_dir_all(path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => TrainError::Exists { path: path.to_owned() },
            _ => made(source),
        })?;
        let lock = lock(path)?;
        if !path.join(RUN_JSON).exists() {
            // Of a run that was killed before its first file.
            sweep(&Real, path);
        }
        let occupied = fs::read_dir(path).map_err(made)?.next().is_some();
        if occupied && !replace {
            return Err(TrainError::Exists { path: path.to_owned() });
        }
        if occupied && !path.join(RUN_JSON).is_file() {
            return Err(TrainError::NotReplaced { path: path.to_owned() });
        }
        if occupied {
            // run.json last: until then the folder is still known as a run.
            for name in FILES {
                match fs::remove_file(path.join(name)) {
                    Err(source) if source.kind() != io::ErrorKind::NotFound => {
                        return Err(TrainError::disk("replaced", &path.join(name), &source));
                    }
                    _ => {}
                }
            }
            Checkpoints::new(path).clear()?;
            sweep(&Real, path);
        }
        Ok(Self { path: path.to_owned(), replace, _lock: lock })
    }

    /// Makes the folder `name` in `root`, as [`RunDir::create`].
    ///
    /// # Errors
    /// As [`RunDir::create`], and a name that is no plain folder name.
    pub fn create_named(root: &Path, name: &str, replace: bool) -> Result<Self, TrainError> {
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && !name.contains(['/', '\\', ':'])
            && !name.chars().any(char::is_control);
        if !plain {
            return Err(TrainError::Name { name: name.to_owned() });
        }
        Self::create(&root.join(name), replace)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where callbacks may write: in the folder, but not over the run's own files.
    pub fn callback_context(&self) -> cnn_callbacks::BuildContext {
        Self::context_of(&self.path, self.replace)
    }

    /// The same for a folder that is not made yet, to try callbacks before it is.
    pub fn context_of(path: &Path, replace: bool) -> cnn_callbacks::BuildContext {
        cnn_callbacks::BuildContext::new(path).overwrite(replace).reserved(FILES)
    }

    /// Whether a run writes the file of this name in its folder itself.
    pub fn is_own(name: &str) -> bool {
        FILES.contains(&name)
    }

    /// Writes one file of the folder, whole or not at all: pictures, for instance.
    ///
    /// # Errors
    /// The disk's errors.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        atomic::write(&self.file(name), bytes, true)
    }

    /// Writes what is known before training: `run.json`, `model.toml` as given and `config.toml`.
    ///
    /// # Errors
    /// The disk's errors.
    pub fn begin(
        &self,
        model_toml: &str,
        config: &Config,
        model: &Model,
        info: &RunInfo,
    ) -> Result<(), TrainError> {
        self.write_info(&RunInfo { finished: false, weights_hash: None, ..info.clone() })?;
        self.write("model.toml", model_toml.as_bytes())?;
        let resolved = config.resolved(model).to_toml()?;
        self.write("config.toml", resolved.as_bytes())
    }

    /// Writes what every epoch of a run that diverged has reported. Its weights are of no use, and are not saved; it is not finished,
    /// and its checkpoints stay, the last of them of weights that are numbers.
    ///
    /// # Errors
    /// The disk's errors.
    pub fn keep_history(&self, history: &RunHistory) -> Result<(), TrainError> {
        self.write("history.json", &history.to_json()?)?;
        self.write("history.csv", history.to_csv().as_bytes())
    }

    /// Writes what training has made: history, weights, model file, and `run.json` with the weights' hash. Weights that are
    /// no longer numbers are not saved: the history is, and the error names the first of them.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`]; the disk's errors.
    pub fn finish(&self, record: &RunRecord<'_>) -> Result<(), TrainError> {
        self.keep_history(record.history)?;
        let model_file = ModelFile::new(
            record.config,
            record.model,
            record.weights,
            record.classes,
            record.preprocessing,
        )?;
        write_npz(&self.file("weights.npz"), record.model, record.weights, true)?;
        model_file.save(&self.file("model.cnn"), true)?;
        let weights_hash = Some(crate::weights_hash(record.model, record.weights));
        let files = sums(&self.path)?;
        self.write_info(&RunInfo { finished: true, weights_hash, files, ..record.info.clone() })?;
        self.checkpoints().clear()
    }

    fn write_info(&self, info: &RunInfo) -> Result<(), TrainError> {
        let info = RunInfo {
            schema: RUN_SCHEMA,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            platform: platform(),
            ..info.clone()
        };
        self.write(RUN_JSON, &json(&info)?)
    }
}
