//! What would work instead.

use super::TrainError;
use std::io;

impl TrainError {
    /// What would work; empty where the message says it already.
    pub fn hint(&self) -> String {
        let text = match self {
            Self::Loss(error) => &error.hint,
            Self::ImageShape { got, .. } => {
                return format!(
                    "use a data set of the model's size, or a model with input = {got:?}"
                );
            }
            Self::Outputs { classes, .. } => {
                return format!("units = {classes}, one for each class");
            }
            Self::Label { .. } => {
                "give the last Dense layer one unit per class; labels count from 0"
            }
            Self::Labels { .. } => "give one label per image",
            Self::Empty { .. } => "check the data set, and --limit if it was given",
            Self::Split { .. } => "choose a share that leaves images on both sides, or more images",
            Self::Folds { .. } => "choose fewer folds, or more images",
            Self::TooManySamples { .. } => "use a part of the data",
            Self::Memory { .. } => "set a smaller batch_size in [fit]",
            Self::InputLength { .. } => "give all of an image's numbers, row by row, channels last",
            Self::Weights { .. } => {
                "the file must hold exactly the model's tensors: names as in `cnn summary`, such as conv2d/kernel, and the same shapes"
            }
            Self::NotFinite { .. } => {
                "the training that made these weights diverged: lower the learning rate"
            }
            Self::Npz { hint, .. } | Self::Unfinished { hint, .. } => hint,
            Self::RunBusy { .. } => "wait for it, or name another folder with --run-dir",
            Self::Resume { hint, .. }
            | Self::ModelFile { hint, .. }
            | Self::LrRange { hint, .. } => hint,
            Self::NotARun { .. } => "give the folder that `cnn train` wrote",
            Self::Json { .. } => "the file was changed or cut off; run the training again",
            Self::Newer { .. } => "update this program",
            Self::Name { .. } => "use letters, digits, `-` and `_`, or give a path",
            Self::Exists { .. } => "choose another name, or say --force",
            Self::NotReplaced { .. } => "choose another folder: --force replaces run folders only",
            Self::Disk { kind, .. } => match kind {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "choose a place that you may use",
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => "make room, or choose another place",
                _ => "",
            },
            Self::NotAnExperiment { .. } => "name a new or empty folder with --output",
            Self::Busy { .. } => "wait for it, or name another folder with --output",
            Self::Row { source, .. } => return source.hint(),
            Self::NotWritten(_) => {
                "save the weights alone (weights.npz, by name), and build the model with the same code again"
            }
            Self::Internal { .. } => "this should not happen: please report it",
            Self::Build(_) | Self::Optimizer(_) | Self::Monitors(_) => "",
        };
        text.to_owned()
    }
}
