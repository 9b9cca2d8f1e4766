//! How a command fails: what people read, and the exit code that scripts read.

use crate::report;
use cnn_data::DataError;
use cnn_nn::config::Diagnostics;
use cnn_train::{ErrorKind, TrainError};
use std::io;
use std::path::Path;

/// Exit codes. 0 is success; 1 is a mistake of the program itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command line is wrong.
    Usage = 2,
    /// A data set or a picture is wrong.
    Data = 3,
    /// A model.toml is wrong, or does not fit the data.
    Model = 4,
    /// A run folder, a checkpoint or the disk is wrong.
    Disk = 5,
    /// No mirror gave the file.
    #[cfg(feature = "download")]
    Network = 6,
    /// The loss became NaN or infinite.
    Diverged = 7,
    /// What was asked to hold does not.
    Gate = 8,
    /// A signal ended training, and what was learned has been saved: 128 and the signal's number.
    HungUp = 129,
    /// As above, SIGINT.
    Interrupted = 130,
    /// As above, SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// How a program ends that this signal has ended.
    pub(crate) fn of_signal(signal: i32) -> Self {
        match signal {
            1 => Self::HungUp,
            15 => Self::Terminated,
            _ => Self::Interrupted,
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// For people, ending in a line break.
    pub(crate) text: String,
}

impl Failure {
    /// A failure in the form that all have: what, where, facts, help.
    pub(crate) fn new(
        exit: Exit,
        code: &str,
        what: &str,
        place: &str,
        facts: &[&str],
        help: &[&str],
    ) -> Self {
        Self { exit, text: report::plain(code, what, place, facts, help) }
    }

    /// The command line asks for something that cannot be.
    pub(crate) fn usage(what: &str, help: &str) -> Self {
        Self::new(Exit::Usage, "", what, "", &[], &[help])
    }

    /// A model cannot be used as a whole; `place` is its file.
    pub(crate) fn model(code: &str, what: &str, place: &str, help: &str) -> Self {
        Self::new(Exit::Model, code, what, place, &[], &[help])
    }

    /// The mistakes of a model.toml.
    pub(crate) fn mistakes(found: &Diagnostics) -> Self {
        Self { exit: Exit::Model, text: report::diagnostics(found) }
    }

    /// The operating system refused a file.
    pub(crate) fn disk(path: &Path, error: &io::Error) -> Self {
        let help = match error.kind() {
            io::ErrorKind::NotFound => "the folder must exist",
            io::ErrorKind::PermissionDenied => "choose a place that you may write to",
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => "make room, or choose another place",
            _ => "",
        };
        Self::new(Exit::Disk, "", &error.to_string(), &path.display().to_string(), &[], &[help])
    }

    /// The same with its place, where the text does not name it yet.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        let place = path.display().to_string();
        if !self.text.contains(&place)
            && let Some(end) = self.text.find('\n')
        {
            self.text.insert_str(end + 1, &format!("  --> {place}\n"));
        }
        self
    }

    /// The same with one more line that says what would work.
    pub(crate) fn help(mut self, line: &str) -> Self {
        self.text.extend(["  help: ", line, "\n"]);
        self
    }

    /// There is something already.
    pub(crate) fn exists(path: &Path) -> Self {
        let place = path.display().to_string();
        Self::new(
            Exit::Disk,
            "",
            "this exists, and nothing is overwritten",
            &place,
            &[],
            &["choose another name, or say --force"],
        )
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        let exit = match error.kind() {
            ErrorKind::Data => Exit::Data,
            ErrorKind::Model => Exit::Model,
            ErrorKind::Disk => Exit::Disk,
            ErrorKind::Diverged => Exit::Diverged,
        };
        let (message, hint) = (error.to_string(), error.hint());
        let mut lines = message.lines();
        let what = lines.next().unwrap_or_default();
        Self::new(exit, error.code(), what, "", &lines.collect::<Vec<_>>(), &[&hint])
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let (code, hint) = (error.code(), error.hint());
        let (what, place) = match &error {
            DataError::Io { path, source } => (source.to_string(), Some(path)),
            DataError::Format { path, source } => (source.message.clone(), Some(path)),
            DataError::MissingIdx { folder, file } => {
                (format!("no {file} (nor {file}.gz) in this folder"), Some(folder))
            }
            DataError::Mismatch { path, message, .. } | DataError::Picture { path, message } => {
                (message.clone(), Some(path))
            }
            DataError::Pictures { folder, .. } => (error.to_string(), Some(folder)),
            DataError::NotThere { name, path, .. } => {
                (format!("the data set {name} is not there"), Some(path))
            }
            _ => (error.to_string(), None),
        };
        let place = place.map(|path| path.display().to_string()).unwrap_or_default();
        let mut lines = what.lines();
        let first = lines.next().unwrap_or_default();
        Self::new(Exit::Data, code, first, &place, &lines.collect::<Vec<_>>(), &[&hint])
    }
}
