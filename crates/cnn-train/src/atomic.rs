//! Files that are either whole or not there.

use crate::error::TrainError;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// What the names of half-written files begin with.
pub(crate) const PREFIX: &str = ".cnn-";

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
    let disk =
        |action: &'static str| move |source: io::Error| TrainError::disk(action, path, &source);
    let folder = folder_of(path);
    let mut file = temporary(folder).map_err(|error| {
        // The error of tempfile names a file that nobody asked for.
        let plain = fs::metadata(folder).err().unwrap_or_else(|| error.kind().into());
        disk("written")(plain)
    })?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(disk("written"))?;
    let placed = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    match placed {
        Ok(_) => {
            // The name itself has to reach the disk too; not every system can be told so.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
            Ok(())
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(TrainError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(disk("written")(error.error)),
    }
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, TrainError> {
    let disk = |source: io::Error| TrainError::disk("read", path, &source);
    let size = fs::metadata(path).map_err(disk)?.len();
    if size > limit {
        let source = io::Error::other(format!("{size} bytes, at most {limit} were expected"));
        return Err(disk(source));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(disk)?.take(limit).read_to_end(&mut bytes).map_err(disk)?;
    Ok(bytes)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file that others may read once it has its name, as far as the umask allows.
fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
        builder.tempfile_in(folder)
    }
    #[cfg(not(unix))]
    builder.tempfile_in(folder)
}
