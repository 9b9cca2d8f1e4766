//! Files that are either whole or not there.

use crate::disk::{Disk as _, NO_FILE, Real, write_whole};
use crate::error::TrainError;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Writes a file in one go: to a temporary file in the same folder, to the disk, then under its name. A reader sees the old
/// file or the new one, whole. Without `replace`, a file that is there already is an error and stays as it is. Of a symbolic link it
/// is the file that is replaced, not the link.
///
/// # Errors
/// A file that is there already ([`TrainError::Exists`]), a pipe or a device in its place, a folder that is not there, and whatever
/// else the system refuses.
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
    let target =
        target(path, replace).map_err(|error| TrainError::disk("written", path, &error))?;
    let target = target.as_deref().unwrap_or(path);
    write_whole(&Real, target, bytes, replace).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => TrainError::Exists { path: path.to_owned() },
        _ => TrainError::disk("written", path, &error),
    })
}

/// The file that a link leads to, if what is to be replaced is one. A pipe or a device would be lost: nothing is put in its place.
fn target(path: &Path, replace: bool) -> io::Result<Option<PathBuf>> {
    let Some(there) = fs::metadata(path).ok().filter(|_| replace) else { return Ok(None) };
    if !there.is_file() && !there.is_dir() {
        return Err(io::Error::other(NO_FILE));
    }
    if path.is_symlink() { fs::canonicalize(path).map(Some) } else { Ok(None) }
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, TrainError> {
    Real.read(path, limit).map_err(|source| TrainError::disk("read", path, &source))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_one_and_leads_to_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write(&file, b"old", false).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert!(matches!(write(&link, b"new", false), Err(TrainError::Exists { .. })));
        write(&link, b"new", true).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        use std::os::unix::fs::FileTypeExt as _;
        let folder = tempfile::tempdir().unwrap();
        // A socket, as something that is neither a file nor a folder and needs no program to make it.
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for error in [write(&path, b"new", true).err(), read(&path, 9).err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains("a pipe or a device"), "{error}");
        }
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    }
}
