//! Checkpoints: all that a run needs to go on as if it had never been interrupted, in one checksummed file.
//!
//! A checkpoint holds the weights and the optimizer's memory, the step and the place in the epoch, the sums of that epoch so far,
//! the history, the learning rate, what every callback knows, and which configuration and data it belongs to. Random numbers are
//! counted from the seed and the step, so there is no generator to keep.
//!
//! A run folder has the last two, `step-000000001500.cnnckpt`: the one before is removed once its successor is on the disk with its
//! name. The newest is found by looking into the files, not by a pointer; one that is damaged is passed over.

use crate::disk::{Disk, Real, write_whole};
use crate::envelope::{Envelope, FILE_LIMIT};
use crate::error::TrainError;
use crate::on_nan::Rollback;
use cnn_callbacks::{Memory, Text};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

const ENVELOPE: Envelope = Envelope {
    name: "checkpoint",
    magic: Checkpoint::MAGIC,
    version: Checkpoint::VERSION,
    other: "give a run folder that `cnn train` wrote",
    damaged: "the file is damaged; the one before it is used",
};

/// Of checkpoints without [`Rescue`].
const FIRST: Envelope = Envelope { version: 1, ..ENVELOPE };

const BEGIN: &str = "step-";
const END: &str = ".cnnckpt";

/// All that a run needs to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Version of the program that wrote it.
    pub(crate) program: Text,
    /// The resolved model.toml.
    pub(crate) config: Text,
    /// What was learned from; see [`crate::Resumable::data`].
    pub(crate) data: Text,
    pub(crate) weights: Vec<f32>,
    /// The optimizer's memory.
    pub(crate) slots: Vec<Vec<f32>>,
    pub(crate) learning_rate: f32,
    pub(crate) steps_taken: u64,
    pub(crate) place: Place,
    /// What every callback that keeps something knows, by name, in the order of the callbacks.
    pub(crate) callbacks: Vec<(Text, Memory)>,
    /// Stands behind the rest of the file, since version 2.
    #[serde(skip)]
    pub(crate) rescue: Rescue,
}

/// How the run deals with numbers that are none; see [`crate::OnNan`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rescue {
    /// What the learning rate is multiplied with.
    pub(crate) factor: f32,
    /// How often training has gone back.
    pub(crate) rollbacks: Vec<Rollback>,
    /// The beginning of the epoch, to go back to; only where that is wanted.
    pub(crate) good: Option<Box<Checkpoint>>,
}

impl Default for Rescue {
    fn default() -> Self {
        Self { factor: 1.0, rollbacks: Vec::new(), good: None }
    }
}

/// Where in the run, and what has been added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The epoch that comes, or in whose middle this is.
    pub(crate) epoch: usize,
    /// Steps of it that are done.
    pub(crate) step: usize,
    /// Epochs begun.
    pub(crate) begun: usize,
    /// Of this epoch: the sum of losses and of penalties.
    pub(crate) sums: [f64; 2],
    /// Of this epoch: right answers and samples.
    pub(crate) counts: [usize; 2],
    pub(crate) in_top: Vec<usize>,
    /// Of this epoch, by class: right answers and samples.
    pub(crate) classes: [Vec<u64>; 2],
    /// The last epoch's logs.
    pub(crate) logs: Vec<(Text, f64)>,
    /// Images per second of the epochs before.
    pub(crate) rates: Vec<f64>,
    /// Loss, accuracy and its interval after every epoch, where test images are measured.
    pub(crate) test_record: Vec<(f64, f64, Option<[f64; 2]>)>,
    /// Seconds of this epoch, and of the run.
    pub(crate) seconds: [f64; 2],
}

impl Checkpoint {
    /// First bytes of a checkpoint's file.
    pub const MAGIC: [u8; 8] = *b"CNNCKPT\0";

    /// Version of the layout that is written.
    pub const VERSION: u16 = 2;

    /// Reads a file's bytes, of this version or of the first. Whether it fits a model is found when training goes on from it.
    ///
    /// # Errors
    /// Bytes that are not what was written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        if bytes.get(8..10) == Some(&FIRST.version.to_le_bytes()[..]) {
            return FIRST.open(bytes);
        }
        let (checkpoint, rescue): (Self, Rescue) = ENVELOPE.open(bytes)?;
        Ok(Self { rescue, ..checkpoint })
    }

    /// Optimizer steps taken by then.
    pub fn steps_taken(&self) -> u64 {
        self.steps_taken
    }

    /// The same, to go on with `factor` times the learning rate: 0 < factor ≤ 1. On top of what schedules and callbacks make of it.
    #[must_use]
    pub fn slower(mut self, factor: f32) -> Self {
        self.rescue.factor *= factor;
        self
    }

    /// The epoch that comes, from 0, and how many of its steps are done.
    pub fn position(&self) -> (usize, usize) {
        (self.place.epoch, self.place.step)
    }
}

/// How often a checkpoint is written. All write one at the beginning (but `never`), and when training is interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum CheckpointEvery {
    /// Every 30 seconds and at the end of every epoch, but so rarely that it takes at most a hundredth of the time.
    #[default]
    Auto,
    /// After so many seconds: 0 is after every step.
    Seconds(f64),
    /// After every so many steps, 1 or more.
    Steps(u64),
    /// Only when training is interrupted.
    Never,
}

impl FromStr for CheckpointEvery {
    type Err = String;

    /// `auto`, `30s`, `1000` (steps) or `never`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is none of `auto`, `30s`, `1000` (steps), `never`");
        match (text, text.strip_suffix('s')) {
            ("auto", _) => Ok(Self::Auto),
            ("never", _) => Ok(Self::Never),
            (_, Some(seconds)) => match seconds.trim().parse::<f64>() {
                Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(Self::Seconds(seconds)),
                _ => Err(wrong()),
            },
            _ => match text.parse::<u64>() {
                Ok(steps) if steps > 0 => Ok(Self::Steps(steps)),
                _ => Err(wrong()),
            },
        }
    }
}

/// The checkpoints of a run folder.
pub struct Checkpoints {
    folder: PathBuf,
    disk: Box<dyn Disk>,
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Checkpoints {
    /// Those of this folder.
    pub fn new(folder: &Path) -> Self {
        Self::on(Box::new(Real), folder)
    }

    pub(crate) fn on(disk: Box<dyn Disk>, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), disk }
    }

    /// Writes a checkpoint, whole or not at all, and removes those that are no longer needed.
    ///
    /// # Errors
    /// The disk's errors. The checkpoints before are as they were.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let steps = checkpoint.steps_taken;
        let path = self.folder.join(format!("{BEGIN}{steps:012}{END}"));
        write_whole(
            self.disk.as_ref(),
            &path,
            &ENVELOPE.seal(&(checkpoint, &checkpoint.rescue))?,
            true,
        )
        .map_err(|error| TrainError::disk("written", &path, &error))?;
        // One that is newer is of another attempt, and was passed over; of the older ones the next is kept.
        let others = self.steps().unwrap_or_default();
        let before = others.iter().filter(|other| other.0 < steps).max();
        for (other, name) in &others {
            if *other != steps && Some(*other) != before.map(|before| before.0) {
                // One too many does no harm.
                let _ = self.disk.remove(&self.folder.join(name));
            }
        }
        Ok(())
    }

    /// The newest checkpoint that is whole, and what is wrong with those that are newer.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn latest(&self) -> Result<(Option<Checkpoint>, Vec<String>), TrainError> {
        let mut found = self.steps()?;
        found.sort_unstable_by(|a, b| b.cmp(a));
        let mut notes = Vec::new();
        for (_, name) in found {
            let path = self.folder.join(&name);
            let read = self.disk.read(&path, FILE_LIMIT);
            let read = read.map_err(|error| TrainError::disk("read", &path, &error));
            match read.and_then(|bytes| Checkpoint::from_bytes(&bytes)) {
                Ok(checkpoint) => return Ok((Some(checkpoint), notes)),
                Err(error) => notes.push(format!("{}: {error}", path.display())),
            }
        }
        Ok((None, notes))
    }

    /// Removes all of them: the run is finished.
    ///
    /// # Errors
    /// The disk's errors.
    pub fn clear(&self) -> Result<(), TrainError> {
        for (_, name) in self.steps()? {
            let path = self.folder.join(name);
            self.disk.remove(&path).map_err(|error| TrainError::disk("replaced", &path, &error))?;
        }
        Ok(())
    }

    /// Steps and names of what looks like a checkpoint.
    fn steps(&self) -> Result<Vec<(u64, String)>, TrainError> {
        let names = self.disk.list(&self.folder);
        let names = names.map_err(|error| TrainError::disk("read", &self.folder, &error))?;
        let steps = |name: String| {
            let steps = name.strip_prefix(BEGIN)?.strip_suffix(END)?.parse().ok()?;
            Some((steps, name))
        };
        Ok(names.into_iter().filter_map(steps).collect())
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
