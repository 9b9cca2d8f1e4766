//! What `cnn train` writes beside the run, and whether it can be written.

use super::Args;
use crate::failure::{Exit, Failure};
use crate::files;
use cnn_train::RunDir;
use std::path::{Path, PathBuf};

/// Everything that a run from its beginning will write must be free, and its place there: asked before the work.
pub(super) fn check(args: &Args, folder: &Path) -> Result<(), Failure> {
    let occupied =
        folder.read_dir().map_or(folder.exists(), |mut entries| entries.next().is_some());
    if occupied && !args.force {
        return Err(Failure::exists(folder));
    }
    check_files(args, folder)
}

/// The same for the files that the command line names. `folder` is the run's.
pub(super) fn check_files(args: &Args, folder: &Path) -> Result<(), Failure> {
    for path in files_of(args) {
        files::must_be_free(path, args.force)?;
        files::must_be_writable(path, folder)?;
        let path_from_root = files::from_root(path);
        let own = path_from_root.strip_prefix(files::from_root(folder)).ok();
        if own.and_then(Path::to_str).is_some_and(RunDir::is_own) {
            let what = "the run writes that file itself";
            let place = path.display().to_string();
            let help = "choose another name";
            return Err(Failure::new(Exit::Disk, "", what, &place, &[], &[help]));
        }
    }
    match (&args.save_weights, &args.log_steps) {
        (Some(weights), Some(steps)) if files::from_root(weights) == files::from_root(steps) => {
            Err(Failure::usage(
                "--save-weights and --log-steps name the same file",
                "give each a file of its own",
            ))
        }
        _ => Ok(()),
    }
}

fn files_of(args: &Args) -> impl Iterator<Item = &PathBuf> {
    args.save_weights.iter().chain(&args.log_steps)
}
