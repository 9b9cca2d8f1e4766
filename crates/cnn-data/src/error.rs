//! What can be wrong with data, and what to do about it.

use std::path::PathBuf;

/// Why data could not be read: where, what was expected, what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file system said no.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file's bytes are not what its format promises.
    #[error("{}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with the bytes.
        source: FormatError,
    },
    /// No data set of that name, nor a file or folder.
    #[error("there is no data set, folder or file {name:?}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What to write instead.
        hint: String,
    },
    /// A known data set whose file is not there.
    #[error("the data set {name} needs the file {}, which is not there", path.display())]
    NotThere {
        /// Its name.
        name: &'static str,
        /// Where the file goes.
        path: PathBuf,
        /// How to get it.
        hint: String,
    },
    /// A folder that lacks one of the four idx files.
    #[error("{}: no {file} (nor {file}.gz) in this folder", folder.display())]
    MissingIdx {
        /// The folder.
        folder: PathBuf,
        /// The file's published name.
        file: &'static str,
    },
    /// Arrays that do not fit each other.
    #[error("{}: {message}", path.display())]
    Mismatch {
        /// The file or folder.
        path: PathBuf,
        /// Both numbers.
        message: String,
        /// What would fit.
        hint: String,
    },
    /// A picture that could not be decoded.
    #[error("{}: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        message: String,
    },
    /// Pictures of a folder that cannot be used: all of them, a line each.
    #[error("{} of {total} pictures cannot be used:{}", bad.len(), listed(bad))]
    Pictures {
        /// The folder.
        folder: PathBuf,
        /// Pictures that are there.
        total: usize,
        /// The bad ones, at least one.
        bad: Vec<BadFile>,
    },
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

fn listed(bad: &[BadFile]) -> String {
    let line = |file: &BadFile| format!("\n{}: {}", file.path.display(), file.reason);
    bad.iter().map(line).collect::<Vec<_>>().concat()
}

/// What is wrong with the bytes of a file. Offsets are in bytes from the start of the (inflated) file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    /// Stable code, `D0xx`.
    pub code: &'static str,
    /// What was expected and what was found, with the offset where that helps.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl FormatError {
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }
}

impl DataError {
    /// Stable code, `D0xx`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "D001",
            Self::Format { source, .. } => source.code,
            Self::Unknown { .. } => "D002",
            Self::NotThere { .. } => "D003",
            Self::MissingIdx { .. } => "D004",
            Self::Mismatch { .. } => "D005",
            Self::Picture { .. } => "D050",
            Self::Pictures { .. } => "D051",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => "check the path: there is no such file".into(),
                std::io::ErrorKind::PermissionDenied => "give yourself permission to read it".into(),
                std::io::ErrorKind::IsADirectory => "this is a folder; name a file in it".into(),
                std::io::ErrorKind::InvalidInput => "copy its content to a file first".into(),
                _ => "check the disk and try again".into(),
            },
            Self::Format { source, .. } => source.hint.clone(),
            Self::Unknown { hint, .. } | Self::NotThere { hint, .. } | Self::Mismatch { hint, .. } => hint.clone(),
            Self::MissingIdx { .. } => "a folder needs the four files as published: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or .gz".into(),
            Self::Pictures { .. } => "mend or delete them; pictures are PNG or JPEG, of at most 16384 pixels a side".into(),
            Self::Picture { .. } => "give a PNG or JPEG picture of at most 16384 pixels a side".into(),
        }
    }
}
