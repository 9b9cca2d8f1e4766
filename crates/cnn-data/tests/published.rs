//! The table of published files against the files that are here.
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

#[path = "download/packed.rs"]
mod packed;

use cnn_data::download::{Found, Published};
use packed::published;
use sha2::{Digest, Sha256};
use std::fs;

#[test]
fn the_files_here_are_the_published_ones_packed_anew() {
    let set = Published::named("fashion-mnist").unwrap();
    for file in set.files {
        assert_eq!(file.look(&packed::folder()).unwrap(), Found::Right, "{}", file.name);
        let bytes = published(file.name);
        assert_eq!(bytes.len() as u64, file.size, "{}", file.name);
        let sum: Vec<String> =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum.concat(), file.sha256, "{}", file.name);
    }
}

#[test]
fn what_is_there_is_known_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = &Published::named("fashion-mnist").unwrap().files[3];
    assert_eq!(file.look(folder.path()).unwrap(), Found::Nothing);
    fs::write(file.path(folder.path()), b"<html>").unwrap();
    let other = Found::Other { size: 6, sha256: None };
    assert_eq!(file.look(folder.path()).unwrap(), other);
    let mut bytes = fs::read(file.path(&packed::folder())).unwrap();
    bytes[100] ^= 1;
    fs::write(file.path(folder.path()), &bytes).unwrap();
    let found = file.look(folder.path()).unwrap();
    assert!(matches!(found, Found::Other { size: 5125, sha256: Some(_) }), "{found:?}");
    assert!(Published::named("cifar10").is_none());
}
