//! A folder that one process has for itself.

use crate::error::TrainError;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

/// Locks a folder for this process. Where the system has no locks on folders, nobody holds one.
pub(crate) fn lock(folder: &Path) -> Result<Option<Arc<File>>, TrainError> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(TrainError::RunBusy { path: folder.to_owned() }),
        Err(TryLockError::Error(_)) => Ok(None),
        Ok(()) => Ok(Some(Arc::new(file))),
    }
}
