//! Which runs an experiment consists of, where they are kept, and which of them are finished.
//!
//! A run is known by the SHA-256 of its configuration (every value spelt out), the data's fingerprint, the seed and the limit.
//! Its folder holds `experiment.json` with that sum and the run's numbers, written last: a run without it is not finished,
//! and one with another sum is another run. So an experiment that was killed goes on where it was, inside the training that was
//! interrupted, and a changed sweep trains only what changed.

use super::sweep::{Row, Sweep};
use crate::atomic;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::TrainError;
use crate::history::{TestScore, json, versioned};
use crate::run_dir::{RECORD, RunDir, RunInfo};
use crate::trainer::{TrainOptions, Trainer};
use cnn_data::Dataset;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Version of the layout of `experiment.json`.
const SCHEMA: u32 = 1;

/// The mark of an experiment's folder, and what two processes cannot both hold.
const LOCK: &str = "experiment.lock";

/// What a finished run came to: the content of its `experiment.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Version of the layout.
    pub schema: u32,
    /// The sum that says which run this is.
    pub id: String,
    /// The row that it belongs to.
    pub row: String,
    /// Its seed.
    pub seed: u64,
    /// Whether the loss became NaN or infinite: then there are no weights and no test.
    pub diverged: bool,
    /// Epochs that were trained.
    pub epochs: usize,
    /// The callback that ended it early.
    pub stopped_by: Option<String>,
    /// Loss and accuracy of the last epoch: running means while the weights changed, as Keras reports them.
    pub train: TestScore,
    /// Loss and accuracy on the training images with the final weights, where the sweep asks for them.
    pub train_final: Option<TestScore>,
    /// Loss and accuracy on the test images.
    pub test: Option<TestScore>,
    /// Seconds of training, the tests left out. With other runs beside it, if `side_by_side` is more than 1.
    pub seconds: f64,
    /// Training images per second.
    pub images_per_second: f64,
    /// Threads of the run.
    pub threads: usize,
    /// Runs that the experiment trained at the same time, at most.
    pub side_by_side: usize,
    /// SHA-256 of the final weights.
    pub weights_hash: Option<String>,
}

/// One run to be made or made already.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Position of its row.
    pub(super) row: usize,
    pub(super) seed: u64,
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) score: Option<Score>,
    /// A finished run of another configuration stands in its place.
    pub(super) stale: bool,
    /// How much work it is: multiply-accumulates in all.
    pub(super) cost: f64,
}

/// An experiment with its folder, which no other process can use at the same time.
#[derive(Debug)]
pub struct Experiment<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) data: &'a Dataset,
    pub(super) limit: Option<usize>,
    pub(super) folder: PathBuf,
    pub(super) jobs: Vec<Job>,
    /// Released by the system when the process ends, however it ends.
    _lock: File,
}

impl<'a> Experiment<'a> {
    /// Opens or makes the folder, checks that every row fits the data, and looks up which runs are finished. `limit` says
    /// that `data` was cut to so many images: those runs are other runs.
    ///
    /// # Errors
    /// A row that does not fit the data; a folder that holds other things, or that another process works in; the disk's.
    pub fn open(
        sweep: &'a Sweep,
        data: &'a Dataset,
        limit: Option<usize>,
        folder: &Path,
    ) -> Result<Self, TrainError> {
        sweep.check(data)?;
        let lock = lock(folder)?;
        let mut jobs = Vec::new();
        for (at, row) in sweep.rows.iter().enumerate() {
            for &seed in &sweep.seeds {
                let config = with_seed(row, seed);
                let id = identity(&config, &data.fingerprint, limit)?;
                let path = folder.join(format!("{}-seed{seed}", row.name));
                let kept = read_score(&path)?;
                let stale = kept.as_ref().is_some_and(|score| score.id != id);
                let epochs = config.fit.epochs.max(1) as f64;
                let cost = (row.macs.max(1) as f64) * epochs * data.train.len() as f64;
                let score = kept.filter(|score| score.id == id);
                jobs.push(Job { row: at, seed, id, folder: path, score, stale, cost });
            }
        }
        Ok(Self { sweep, data, limit, folder: folder.to_owned(), jobs, _lock: lock })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs in all.
    pub fn total(&self) -> usize {
        self.jobs.len()
    }

    /// Runs that are finished.
    pub fn finished(&self) -> usize {
        self.jobs.iter().filter(|job| job.score.is_some()).count()
    }

    /// Folders of finished runs that training would replace, because they belong to another configuration, data set or limit.
    pub fn stale(&self) -> Vec<&Path> {
        self.jobs.iter().filter(|job| job.stale).map(|job| job.folder.as_path()).collect()
    }

    /// Writes a file into the experiment's folder, whole or not at all.
    ///
    /// # Errors
    /// The disk's errors.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        atomic::write(&self.folder.join(name), bytes, true)
    }
}

/// The row's configuration with this seed.
pub(super) fn with_seed(row: &Row, seed: u64) -> Config {
    let mut config = row.config.clone();
    config.fit.seed = seed;
    config
}

/// Which run this is.
fn identity(
    config: &Config,
    fingerprint: &str,
    limit: Option<usize>,
) -> Result<String, TrainError> {
    let text = config.to_toml()?;
    let limit = limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string());
    let sum = Sha256::digest(format!("{text}\n{fingerprint}\n{limit}\n"));
    Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}

impl Sweep {
    /// Whether every row can be trained on this data, as far as can be known without training.
    ///
    /// # Errors
    /// [`TrainError::Row`]: the first row that cannot, and why.
    pub fn check(&self, data: &Dataset) -> Result<(), TrainError> {
        for row in &self.rows {
            check(row, data).map_err(|source| TrainError::Row {
                row: row.name.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(())
    }
}

/// All that can be wrong between a row and the data, before anything is trained.
fn check(row: &Row, data: &Dataset) -> Result<(), TrainError> {
    let config = &row.config;
    let mut trainer = Trainer::new(config, config.model.build()?, TrainOptions::default())?;
    let callbacks = config.build_callbacks(&RunDir::context_of(Path::new(""), true));
    let mut callbacks = callbacks.map_err(|(_, error)| TrainError::Monitors(vec![error]))?;
    let fits = trainer.check_fit(&data.train, &data.test, &mut callbacks);
    let (outputs, classes) = (trainer.classes(), data.classes.len());
    match fits {
        // Where the numbers of classes differ, that is what is wrong, and not the first image of a class too many.
        Ok(()) | Err(TrainError::Label { .. }) if outputs != classes => {
            let outputs = trainer.outputs();
            Err(TrainError::Outputs { data: data.name.clone(), outputs, classes })
        }
        fits => fits,
    }
}

/// Makes the folder an experiment's and takes its lock.
fn lock(folder: &Path) -> Result<File, TrainError> {
    let made = |source: io::Error| TrainError::disk("made", folder, &source);
    fs::create_dir_all(folder).map_err(made)?;
    let path = folder.join(LOCK);
    let other = !path.exists() && fs::read_dir(folder).map_err(made)?.next().is_some();
    if other {
        return Err(TrainError::NotAnExperiment { path: folder.to_owned() });
    }
    let disk = |source: io::Error| TrainError::disk("written", &path, &source);
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(disk)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(TrainError::Busy { path: folder.to_owned() }),
        // A file system without locks: then nobody holds one.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The record of a finished run. One that cannot be read counts as none: its run is made again. One of a later version is an
/// error: it is somebody's.
fn read_score(folder: &Path) -> Result<Option<Score>, TrainError> {
    let path = folder.join(RECORD);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = atomic::read(&path, 1 << 20)?;
    let score = match versioned::<Score>(&path, &bytes, SCHEMA) {
        Err(error @ TrainError::Newer { .. }) => return Err(error),
        read => read.ok(),
    };
    // The numbers need the history beside them.
    Ok(score.filter(|score| score.schema == SCHEMA && RunDir::history(folder).is_ok()))
}

impl Score {
    /// Version of the layout that this program writes.
    pub(super) const SCHEMA: u32 = SCHEMA;

    /// Writes it into its run's folder: from then on the run is finished.
    pub(super) fn write(&self, run: &RunDir) -> Result<(), TrainError> {
        run.write(RECORD, &json(self)?)
    }
}

/// The run's folder: what an interrupted training of this very run has left, to go on there, or a fresh one in the place of anything
/// else. `model_toml` is what it was begun with.
pub(super) fn run_folder(
    path: &Path,
    model_toml: &str,
    info: &RunInfo,
) -> Result<(RunDir, Option<Checkpoint>), TrainError> {
    let same = fs::read_to_string(path.join("model.toml")).is_ok_and(|text| text == model_toml)
        && RunDir::info(path).is_ok_and(|kept| {
            kept.data_fingerprint == info.data_fingerprint
                && kept.limit == info.limit
                && kept.seed == info.seed
        });
    if same
        && !path.join(RECORD).exists()
        && let Ok(Some(run)) = RunDir::resume(path)
        && let (Some(from), _) = run.checkpoints().latest()?
    {
        return Ok((run, Some(from)));
    }
    Ok((RunDir::create(path, true)?, None))
}
