//! Where callbacks may write.

use std::path::{Component, Path, PathBuf};

/// What a callback needs to know about its run: the only folder that it may write to.
#[derive(Clone, Debug)]
pub struct BuildContext {
    run_dir: PathBuf,
    overwrite: bool,
    reserved: Vec<String>,
}

impl BuildContext {
    /// Callbacks write below `run_dir`, which may not exist yet, and overwrite nothing.
    pub fn new(run_dir: impl Into<PathBuf>) -> Self {
        Self { run_dir: run_dir.into(), overwrite: false, reserved: Vec::new() }
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
