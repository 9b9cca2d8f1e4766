//! Everything that can go wrong, all of it before the first step or after the last.

mod hint;

use cnn_callbacks::CallbackError;
use cnn_nn::config::write::WriteError;
use cnn_nn::layer::BuildError;
use cnn_nn::model::BuildFailure;
use cnn_optim::OptimError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What an error is about: `cnn` turns it into an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The data set, or how it fits the model.
    Data,
    /// The model or its configuration.
    Model,
    /// A run folder, a model file, a weights file or the disk.
    Disk,
    /// Weights that are no longer numbers.
    Diverged,
}

/// Why something could not be trained, evaluated, saved or loaded.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The model cannot be built.
    #[error("{0}")]
    Build(#[from] BuildFailure),
    /// The loss does not fit the model's output.
    #[error("{0}")]
    Loss(#[from] BuildError),
    /// The optimizer's settings do not work.
    #[error("{0}")]
    Optimizer(#[from] OptimError),
    /// Callbacks follow metrics that this run does not have.
    #[error("{}", joined(.0))]
    Monitors(Vec<CallbackError>),
    /// The images have another shape than the model's input.
    #[error(
        "{what}: the images are {got:?} (height, width, channels), the model's input is {expected:?}"
    )]
    ImageShape {
        /// Training, validation or test data.
        what: &'static str,
        /// The model's input.
        expected: Vec<usize>,
        /// What the data set has.
        got: Vec<usize>,
    },
    /// A label that the model has no output for.
    #[error("{what}: image {index} has the label {label}, but the model has {classes} outputs (labels 0 to {})", classes - 1)]
    Label {
        /// Training, validation or test data.
        what: &'static str,
        /// Position of the image.
        index: usize,
        /// Its label.
        label: u32,
        /// Outputs of the model.
        classes: usize,
    },
    /// A model that has not one output for each class.
    #[error("the model has {outputs} output{}, {data} has {classes} classes", if *outputs == 1 { " (for two classes)" } else { "s" })]
    Outputs {
        /// Name of the data set.
        data: String,
        /// Outputs of the model.
        outputs: usize,
        /// Classes of the data set.
        classes: usize,
    },
    /// A data set whose parts do not belong together.
    #[error("{what}: {images} images, but {labels} labels")]
    Labels {
        /// Training, validation or test data.
        what: &'static str,
        /// Images there are.
        images: usize,
        /// Labels there are.
        labels: usize,
    },
    /// There is nothing to train on or to evaluate.
    #[error("{what}: there are no images")]
    Empty {
        /// Training, validation or test data.
        what: &'static str,
    },
    /// The validation split leaves nothing on one side.
    #[error("validation_split = {share} of {samples} images leaves {train} for training and {} for validation", samples - train)]
    Split {
        /// The share asked for.
        share: f64,
        /// Images there are.
        samples: usize,
        /// Images left for training.
        train: usize,
    },
    /// More folds than images.
    #[error("{folds} folds of {samples} images: some would be empty")]
    Folds {
        /// Folds asked for.
        folds: usize,
        /// Images there are.
        samples: usize,
    },
    /// More images than can be numbered.
    #[error("{what}: {samples} images are more than 4,294,967,295")]
    TooManySamples {
        /// Training, validation or test data.
        what: &'static str,
        /// Images there are.
        samples: usize,
    },
    /// A batch whose activations would not fit into memory.
    #[error("batch_size = {batch_size} of this model needs about {} MiB for activations; the limit is {} MiB", needed >> 20, limit >> 20)]
    Memory {
        /// Samples per batch.
        batch_size: usize,
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// Numbers that should be a whole number of images.
    #[error("{got} numbers are not a whole number of images of {expected} numbers each")]
    InputLength {
        /// Numbers per image.
        expected: usize,
        /// Numbers that came.
        got: usize,
    },
    /// Weights that do not belong to this model.
    #[error("the weights do not fit the model: {}", problems.join("; "))]
    Weights {
        /// Every tensor that is missing, too many or of another shape, by name.
        problems: Vec<String>,
    },
    /// A weight that is NaN or infinite.
    #[error("the weight {name}[{index}] is {value}")]
    NotFinite {
        /// The tensor's name.
        name: String,
        /// Position in the tensor, row-major.
        index: usize,
        /// NaN, inf or -inf.
        value: f32,
    },
    /// A weights file that cannot be read or written.
    #[error("{message}")]
    Npz {
        /// The file and what is wrong with it.
        message: String,
        /// What would work.
        hint: String,
    },
    /// A model file or checkpoint that is damaged or of another kind.
    #[error("{kind}, {section}: {message}")]
    ModelFile {
        /// `model file` or `checkpoint`.
        kind: &'static str,
        /// Which part of the file.
        section: &'static str,
        /// Expected and found.
        message: String,
        /// What would work.
        hint: &'static str,
    },
    /// A folder that is not a run, or lacks one of its files.
    #[error("{}: not a run folder: {message}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        message: String,
    },
    /// A run without a model: it did not come to its end.
    #[error("{}: {message}", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// How far it came.
        message: &'static str,
        /// How to go on.
        hint: String,
    },
    /// A JSON or TOML file of a run folder that cannot be read.
    #[error("{}: {message}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        message: String,
    },
    /// A file that a later program wrote.
    #[error("{}: schema {schema} is newer than this program's {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of its layout.
        schema: u32,
        /// The latest that this program reads.
        known: u32,
    },
    /// A name that cannot be a folder's.
    #[error("{name:?} cannot name a run folder")]
    Name {
        /// The name.
        name: String,
    },
    /// Something is there already.
    #[error("{} exists, and nothing is overwritten", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// Only run folders are replaced.
    #[error("{} holds files but no run, so it is not replaced", path.display())]
    NotReplaced {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{} cannot be {action}: {message}", path.display())]
    Disk {
        /// read, written or made.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The kind of refusal.
        kind: io::ErrorKind,
        /// The system's words.
        message: String,
    },
    /// A folder that holds other things than an experiment.
    #[error("{} holds files, but no experiment", path.display())]
    NotAnExperiment {
        /// The folder.
        path: PathBuf,
    },
    /// Another process works in an experiment's folder.
    #[error("{} is in use: another process trains this experiment", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A run that cannot be taken up from its checkpoint.
    #[error("{message}")]
    Resume {
        /// What is wrong.
        message: String,
        /// What would work.
        hint: &'static str,
    },
    /// Another process works in a run folder.
    #[error("{} is in use: another process trains in it", path.display())]
    RunBusy {
        /// The folder.
        path: PathBuf,
    },
    /// One row of an experiment.
    #[error("row `{row}`: {source}")]
    Row {
        /// Its name.
        row: String,
        /// What is wrong with it.
        source: Box<TrainError>,
    },
    /// A learning rate range test that cannot be done as asked.
    #[error("{message}")]
    LrRange {
        /// What is wrong.
        message: String,
        /// What would work.
        hint: &'static str,
    },
    /// A configuration that cannot be written as model.toml, because part of it is made in code.
    #[error("the model cannot be written as model.toml: {0}")]
    NotWritten(#[from] WriteError),
    /// A value that cannot be written: a mistake of this program.
    #[error("internal: {message}")]
    Internal {
        /// What happened.
        message: String,
    },
}

fn joined(errors: &[CallbackError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl TrainError {
    pub(crate) fn disk(action: &'static str, path: &Path, source: &io::Error) -> Self {
        Self::Disk {
            action,
            path: path.to_owned(),
            kind: source.kind(),
            message: source.to_string(),
        }
    }

    /// What it is about.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Row { source, .. } => source.kind(),
            Self::ImageShape { .. }
            | Self::Label { .. }
            | Self::Labels { .. }
            | Self::Empty { .. }
            | Self::TooManySamples { .. }
            | Self::InputLength { .. } => ErrorKind::Data,
            Self::Build(_)
            | Self::Loss(_)
            | Self::Optimizer(_)
            | Self::Monitors(_)
            | Self::Split { .. }
            | Self::Folds { .. }
            | Self::Outputs { .. }
            | Self::NotWritten(_)
            | Self::LrRange { .. }
            | Self::Memory { .. } => ErrorKind::Model,
            Self::NotFinite { .. } => ErrorKind::Diverged,
            _ => ErrorKind::Disk,
        }
    }

    /// A stable code; model.toml's own where the mistake is in it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Build(failure) => failure.problems.first().map_or("M000", |problem| problem.code),
            Self::Loss(error) => error.code,
            Self::Optimizer(_) => "M062",
            Self::Monitors(_) => "M064",
            Self::ImageShape { .. } => "T001",
            Self::Outputs { .. } => "M071",
            Self::Label { .. } => "T002",
            Self::Empty { .. } => "T003",
            Self::Split { .. } | Self::Folds { .. } => "T004",
            Self::TooManySamples { .. } => "T005",
            Self::Memory { .. } => "T006",
            Self::InputLength { .. } => "T007",
            Self::Labels { .. } => "T008",
            Self::Weights { .. } => "T010",
            Self::NotFinite { .. } => "T011",
            Self::Npz { .. } => "T012",
            Self::ModelFile { .. } => "T013",
            Self::NotARun { .. } | Self::Unfinished { .. } => "T020",
            Self::Json { .. } => "T021",
            Self::Name { .. } => "T022",
            Self::Exists { .. } => "T023",
            Self::NotReplaced { .. } => "T024",
            Self::Disk { .. } => "T025",
            Self::NotAnExperiment { .. } => "T026",
            Self::Busy { .. } => "T027",
            Self::Resume { .. } => "T028",
            Self::RunBusy { .. } => "T029",
            Self::LrRange { .. } => "T030",
            Self::Row { source, .. } => source.code(),
            Self::NotWritten(_) => "T031",
            Self::Newer { .. } => "T032",
            Self::Internal { .. } => "T099",
        }
    }
}
