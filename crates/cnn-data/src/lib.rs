//! idx, npz, CSV and image files as arrays; data sets, splits and fingerprints.
//!
//! The parsers ([`idx`], [`gz`], [`npy`], [`npz`], [`csv_images`], [`image_file::parse`]) are functions of bytes: whatever the bytes are, they
//! answer with a value or a [`FormatError`], and ask for no more memory than the bytes can fill.
#![forbid(unsafe_code)]

mod arrays;
pub mod csv_images;
mod dataset;
pub mod download;
mod equals;
mod error;
mod fingerprint;
pub mod gz;
mod hold_out;
pub mod idx;
pub mod image_file;
mod image_folder;
mod jpeg;
pub mod npy;
pub mod npz;
pub mod scene;
mod source;
mod split;

pub use dataset::{Dataset, FASHION_MNIST_CLASSES, NAMES, load, load_as, parse_idx};
pub use equals::{Place, equal_images};
pub use error::{BadFile, DataError, FormatError};
pub use split::{Images, Moments, Split, Statistics};

use std::io::Read;
use std::path::Path;

/// Bytes of a file, at most.
const MAX_FILE: u64 = 3 << 30;

/// Reads a file whole, up to 3 GiB. Pipes and devices are refused: they may have no end.
fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let kind = std::fs::metadata(path).map_err(io)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        let reason = "a pipe or a device, not a file";
        return Err(io(std::io::Error::new(std::io::ErrorKind::InvalidInput, reason)));
    }
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_FILE {
        let source = FormatError::new(
            "D006",
            format!("the file has more than {MAX_FILE} bytes"),
            "no data set of small images is that large",
        );
        return Err(DataError::Format { path: path.to_owned(), source });
    }
    Ok(bytes)
}

/// The README's code is tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
