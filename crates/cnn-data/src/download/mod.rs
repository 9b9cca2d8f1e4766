//! Published data sets: which files they are, where they can be had, and (with the feature `download`) getting them.
//!
//! What is got is what was published, or nothing: sizes and SHA-256 are part of this table, a mirror is only a place to look. A file
//! is written to `NAME.part` and gets its name when its sum is right, so there is never a partial or a wrong one under the
//! final name; a part that was cut off is gone on with. Two processes at once wait for each other (`NAME.lock`).

#[cfg(feature = "download")]
mod client;
#[cfg(feature = "download")]
mod fetch;
#[cfg(feature = "download")]
mod part;
#[cfg(feature = "download")]
mod problem;
#[cfg(feature = "download")]
mod transfer;

#[cfg(feature = "download")]
pub use fetch::{Event, Fetched, Limits, Options, fetch};
#[cfg(feature = "download")]
pub use problem::{FetchError, Problem, Try};

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A data set as it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its name, as [`crate::load`] knows it.
    pub name: &'static str,
    /// Its files.
    pub files: &'static [PublishedFile],
    /// Where to look, in this order: a file's address is one of these and its name.
    pub mirrors: &'static [&'static str],
}

/// One of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// The file's name.
    pub name: &'static str,
    /// Bytes.
    pub size: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Size and SHA-256 of a file that is as good: the same content, packed anew. It is never asked for.
    pub repacked: Option<(u64, &'static str)>,
}

/// What is under a published file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The file.
    Right,
    /// Another file, of so many bytes.
    Other {
        /// Its bytes.
        size: u64,
        /// Its SHA-256, where the size is the published one.
        sha256: Option<String>,
    },
}

/// The data sets that can be got.
///
/// Sources: sizes and sums of Fashion-MNIST are those that TensorFlow Datasets has for the published files
/// (`tensorflow_datasets/url_checksums/fashion_mnist.txt`), its addresses those of <https://github.com/zalandoresearch/fashion-mnist>;
/// Debian's copy, which this repository has in `data/fashion-mnist`, holds the same deflated bytes behind a gzip header without a
/// name. MNIST's sum is Keras's (`keras/src/datasets/mnist.py`). Keras also keeps a copy of Fashion-MNIST under the same names.
pub const SETS: [Published; 2] = [
    Published {
        name: "fashion-mnist",
        files: &[
            PublishedFile {
                name: "train-images-idx3-ubyte.gz",
                size: 26_421_880,
                sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                repacked: Some((
                    26_421_856,
                    "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
                )),
            },
            PublishedFile {
                name: "train-labels-idx1-ubyte.gz",
                size: 29_515,
                sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                repacked: Some((
                    29_491,
                    "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
                )),
            },
            PublishedFile {
                name: "t10k-images-idx3-ubyte.gz",
                size: 4_422_102,
                sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                repacked: Some((
                    4_422_079,
                    "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
                )),
            },
            PublishedFile {
                name: "t10k-labels-idx1-ubyte.gz",
                size: 5_148,
                sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                repacked: Some((
                    5_125,
                    "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
                )),
            },
        ],
        mirrors: &[
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ],
    },
    Published {
        name: "mnist",
        files: &[PublishedFile {
            name: "mnist.npz",
            size: 11_490_434,
            sha256: "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            repacked: None,
        }],
        mirrors: &[
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://s3.amazonaws.com/img-datasets/",
        ],
    },
];

impl Published {
    /// The data set of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETS.iter().find(|set| set.name == name)
    }

    /// How to do without the network: what to get where, and which sums it has; a line each.
    pub fn by_hand(&self, folder: &Path) -> String {
        let mut text = format!("put into {}, from any of\n", folder.display());
        for mirror in self.mirrors {
            let _ = writeln!(text, "    {mirror}");
        }
        text += "  the files (bytes, SHA-256)";
        for file in self.files {
            let _ = write!(text, "\n    {}  {}  {}", file.name, file.size, file.sha256);
        }
        text
    }
}

impl PublishedFile {
    /// Where the file is in a folder.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.name)
    }

    /// What is under the file's name in a folder.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn look(&self, folder: &Path) -> io::Result<Found> {
        let mut file = match File::open(self.path(folder)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        let size = file.metadata()?.len();
        let repacked = self.repacked.filter(|(bytes, _)| *bytes == size).map(|(_, sum)| sum);
        if size != self.size && repacked.is_none() {
            return Ok(Found::Other { size, sha256: None });
        }
        let sum = sha256_of(&mut file)?;
        let right = size == self.size && sum == self.sha256 || repacked == Some(&sum);
        Ok(if right { Found::Right } else { Found::Other { size, sha256: Some(sum) } })
    }
}

/// SHA-256 of what is left to read, in hexadecimal.
fn sha256_of(from: &mut impl Read) -> io::Result<String> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => sum.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut text = String::with_capacity(64);
    for byte in sum.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
