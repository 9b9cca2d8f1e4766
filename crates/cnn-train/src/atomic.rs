//! Files that are either whole or not there.

use crate::disk::{Disk as _, Real, write_whole};
use crate::error::TrainError;
use std::io;
use std::path::Path;

/// Writes a file in one go: to a temporary file in the same folder, to the disk, then under its name. A reader sees the old
/// file or the new one, whole. Without `replace`, a file that is there already is an error and stays as it is.
///
/// # Errors
/// A file that is there already ([`TrainError::Exists`]), a folder that is not, and whatever else the system refuses.
///
/// ```
/// let path = std::env::temp_dir().join(format!("cnn-write-file-{}.txt", std::process::id()));
/// cnn_train::write_file(&path, b"whole", true)?;
/// assert!(cnn_train::write_file(&path, b"other", false).is_err());
/// assert_eq!(std::fs::read(&path)?, b"whole");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<(), TrainError> {
    write_whole(&Real, path, bytes, replace).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => TrainError::Exists { path: path.to_owned() },
        _ => TrainError::disk("written", path, &error),
    })
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, TrainError> {
    Real.read(path, limit).map_err(|source| TrainError::disk("read", path, &source))
}
