//! Every file operation of saving, as one small trait: the real disk, and in tests one that fails where it is told to and one
//! that loses its power ([`sim`]).

#[cfg(test)]
pub(crate) mod sim;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What saving asks of a disk. Nothing is durable before it is synced; what is not may be there or not after a power loss.
pub(crate) trait Disk: Send + Sync {
    /// A new file; an error where there is one of that name.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Written>>;
    /// Gives a file another name, in one go. Without `replace`, a file of that name is an error.
    fn rename(&self, from: &Path, to: &Path, replace: bool) -> io::Result<()>;
    /// Has the names of a folder's files on the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Names in a folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// A file's content, of at most `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
}

/// A file that is being written.
pub(crate) trait Written {
    /// Writes the first of these bytes, and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Has the content on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why something with a name is not read, and not replaced: it may have no end, and it would be lost.
pub(crate) const NO_FILE: &str = "a pipe or a device, not a file";

/// What the names of half-written files begin with.
pub(crate) const PREFIX: &str = ".cnn-";

/// Writes a file in one go: to a temporary file in the same folder, to the disk, then under its name, and the name to the disk.
/// Whatever fails, and whenever the power does: the file of that name is the old one or the new one, whole.
pub(crate) fn write_whole(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    replace: bool,
) -> io::Result<()> {
    let folder = folder_of(path);
    let (temporary, mut file) = temporary(disk, folder)?;
    let written = write_all(file.as_mut(), bytes).and_then(|()| patient(|| file.sync()));
    drop(file);
    let placed = written.and_then(|()| patient(|| disk.rename(&temporary, path, replace)));
    if let Err(error) = placed {
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    patient(|| disk.sync_folder(folder))
}

/// Again where a signal came in between.
fn patient<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn write_all(file: &mut dyn Written, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match patient(|| file.write(bytes))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => bytes = &bytes[n..],
        }
    }
    Ok(())
}

/// A file of a name that nobody has: the process's number, and one that counts on.
fn temporary(disk: &dyn Disk, folder: &Path) -> io::Result<(PathBuf, Box<dyn Written>)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match patient(|| disk.create(&path)) {
            // Of an earlier process of the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (path, file)),
        }
    }
}

/// Removes what killed processes have left half-written. To be called by whoever has the folder for itself.
pub(crate) fn sweep(disk: &dyn Disk, folder: &Path) {
    for name in disk.list(folder).unwrap_or_default() {
        if name.starts_with(PREFIX) {
            let _ = disk.remove(&folder.join(name));
        }
    }
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The disk that there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Real;

impl Disk for Real {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Written>> {
        Ok(Box::new(File::options().write(true).create_new(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path, replace: bool) -> io::Result<()> {
        if replace {
            return fs::rename(from, to);
        }
        // In one step where the system has it.
        let path = tempfile::TempPath::try_from_path(from)?;
        path.persist_noclobber(to).map_err(|error| error.error)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // A file system that does not know of it.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput
                        | io::ErrorKind::Unsupported
                        | io::ErrorKind::PermissionDenied
                ) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let there = fs::metadata(path)?;
        if !there.is_file() && !there.is_dir() {
            return Err(io::Error::other(NO_FILE));
        }
        let size = there.len();
        if size > limit {
            let message = format!("{size} bytes, at most {limit} were expected");
            return Err(io::Error::other(message));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Written for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sync_all()
    }
}
