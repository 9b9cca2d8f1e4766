//! SHA-256 of the files of a finished run: a file that was changed afterwards is noticed.

use crate::error::TrainError;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What a finished run consists of. Pictures are not among them: they can be drawn again.
const SUMMED: [&str; 6] =
    ["model.toml", "config.toml", "model.cnn", "weights.npz", "history.json", "history.csv"];

/// The sums of those files that are there, by name.
pub(crate) fn sums(folder: &Path) -> Result<BTreeMap<String, String>, TrainError> {
    let mut sums = BTreeMap::new();
    for name in SUMMED {
        let path = folder.join(name);
        match sum(&path) {
            Ok(sum) => {
                sums.insert(name.to_owned(), sum);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TrainError::disk("read", &path, &error)),
        }
    }
    Ok(sums)
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn sum(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            break;
        }
        hash.update(&part[..read]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}
