//! Fashion-MNIST's files as they were published, made from those of this repository.
//!
//! These are Debian's: the same deflated bytes behind a gzip header without the file's name. With the name, and the times with which
//! the sums of the published files come out, they are the published files.

use std::path::{Path, PathBuf};

/// Where the repository has them.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/fashion-mnist")
}

/// The bytes of the published file of that name.
pub(crate) fn published(name: &str) -> Vec<u8> {
    let here = std::fs::read(folder().join(name)).unwrap();
    // Seconds since 1970.
    let packed: u32 = if name.starts_with("train") { 1_504_176_606 } else { 1_504_176_627 };
    // RFC 1952: magic, deflate, a name follows; time; no flags; Unix; the name.
    let mut bytes = vec![0x1f, 0x8b, 8, 8];
    bytes.extend(packed.to_le_bytes());
    bytes.extend([0, 3]);
    bytes.extend(name.strip_suffix(".gz").unwrap().bytes());
    bytes.push(0);
    bytes.extend(&here[10..]);
    bytes
}
