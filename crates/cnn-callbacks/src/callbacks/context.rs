//! What a callback has to know of its run: where it may write, and whether the learning rate is its to change.

use crate::CallbackError;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// What a callback needs to know about its run: the only folder that it may write to, and whether the learning rate is fixed.
#[derive(Clone, Debug)]
pub struct BuildContext {
    run_dir: PathBuf,
    overwrite: bool,
    reserved: Vec<String>,
    scheduled: bool,
}

impl BuildContext {
    /// Callbacks write below `run_dir`, which may not exist yet, and overwrite nothing.
    pub fn new(run_dir: impl Into<PathBuf>) -> Self {
        Self { run_dir: run_dir.into(), overwrite: false, reserved: Vec::new(), scheduled: false }
    }

    /// Whether a callback may replace a file (`--force`).
    #[must_use]
    pub fn overwrite(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// Files of the run folder, relative to it, that are the run's own and refused to callbacks.
    #[must_use]
    pub fn reserved<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { reserved: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Whether the optimizer's learning rate follows a schedule of its own, so that no callback can set it. Default false.
    #[must_use]
    pub fn scheduled_rate(self, scheduled: bool) -> Self {
        Self { scheduled, ..self }
    }

    /// An error for a callback that sets the learning rate where the optimizer's schedule does.
    pub(crate) fn may_set_rate(&self, callback: &'static str) -> Result<(), CallbackError> {
        if self.scheduled { Err(CallbackError::ScheduledRate { callback }) } else { Ok(()) }
    }

    /// The run folder.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Whether files may be replaced.
    pub fn may_overwrite(&self) -> bool {
        self.overwrite
    }

    /// The file `name` in the run folder, or why it may not be written. Does not look at the disk.
    pub(crate) fn file(&self, name: &str) -> Result<PathBuf, &'static str> {
        // A model.toml moves between machines: what is a separator or a drive on one of them is refused on all.
        if name.contains(['\\', ':', '\0']) {
            return Err("`/` separates folders; `\\` and `:` do not work everywhere");
        }
        let mut clean = PathBuf::new();
        for part in Path::new(name).components() {
            match part {
                Component::Normal(part) => clean.push(part),
                Component::CurDir => {}
                Component::ParentDir => return Err("`..` would leave the run folder"),
                Component::RootDir | Component::Prefix(_) => {
                    return Err("an absolute path would leave the run folder");
                }
            }
        }
        if clean.as_os_str().is_empty() || name.ends_with('/') {
            return Err("that names no file; `log.csv` would do");
        }
        if self.reserved.iter().any(|r| Path::new(r) == clean) {
            return Err("the run writes that file itself; choose another name");
        }
        Ok(self.run_dir.join(clean))
    }
}

/// Opens a file that this run has written, cut to the length that it had when the run was kept.
pub(crate) fn reopen(path: &Path, length: u64) -> Result<File, String> {
    let say = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = OpenOptions::new().write(true).open(path).map_err(say)?;
    let found = file.metadata().map_err(say)?.len();
    if found < length {
        return Err(format!("{}: {found} bytes, {length} were written", path.display()));
    }
    file.set_len(length).map_err(say)?;
    file.seek(SeekFrom::End(0)).map_err(say)?;
    Ok(file)
}

/// Makes the folder of a file that [`BuildContext::file`] has named, and refuses a link that leads out of the run folder.
pub(crate) fn make_folder(run_dir: &Path, file: &Path) -> Result<(), String> {
    let folder = file.parent().unwrap_or(run_dir);
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let say = |e: std::io::Error| format!("{}: {e}", file.display());
    // The name has been checked; a link in the folder could still lead elsewhere.
    let inside =
        folder.canonicalize().map_err(say)?.starts_with(run_dir.canonicalize().map_err(say)?);
    if !inside || file.is_symlink() {
        return Err(format!("{}: a link leads out of the run folder", file.display()));
    }
    Ok(())
}
