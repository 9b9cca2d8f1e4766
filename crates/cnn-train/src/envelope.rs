//! The envelope of the project's own files: magic, version, length and checksum before a payload.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | what kind of file it is |
//! | 8..10 | version of the layout, little-endian u16 |
//! | 10..18 | length of the payload, little-endian u64 |
//! | 18..50 | SHA-256 of the 18 bytes before it and of the payload |
//! | 50.. | payload, and nothing after it |
//!
//! The payload is in bincode 2's `legacy` encoding (little-endian, fixed-size integers; what bincode 1 wrote). A flipped bit or a
//! missing byte anywhere is an error, and no memory is taken on a header's word alone.
//!
//! bincode is no longer maintained (RUSTSEC-2025-0141 names no vulnerability); it is used here and nowhere else, behind a
//! checksum.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes before the payload.
const HEADER: usize = 50;

/// Bytes of a payload, at most: 10⁹ weights and their names.
const LIMIT: usize = 4_100_000_000;

/// Bytes of a file, at most.
pub(crate) const FILE_LIMIT: u64 = (HEADER + LIMIT) as u64;

/// One kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    /// What the file is called.
    pub(crate) name: &'static str,
    /// First bytes.
    pub(crate) magic: [u8; 8],
    /// Version that is written, and the only one that is read.
    pub(crate) version: u16,
    /// What to do about a file of another kind.
    pub(crate) other: &'static str,
    /// What to do about one that is damaged.
    pub(crate) damaged: &'static str,
}

impl Envelope {
    /// The file's bytes.
    pub(crate) fn seal(&self, content: &impl Serialize) -> Result<Vec<u8>, TrainError> {
        let mut bytes = Vec::new();
        bytes.extend(self.magic);
        bytes.extend(self.version.to_le_bytes());
        bytes.resize(HEADER, 0);
        let encoding = bincode::config::legacy().with_limit::<LIMIT>();
        bincode::serde::encode_into_std_write(content, &mut bytes, encoding)
            .map_err(|error| self.broken("payload", error.to_string()))?;
        let length = (bytes.len() - HEADER) as u64;
        bytes[10..18].copy_from_slice(&length.to_le_bytes());
        let sum = checksum(&bytes[..18], &bytes[HEADER..]);
        bytes[18..HEADER].copy_from_slice(&sum);
        Ok(bytes)
    }

    /// Reads a file's bytes: magic, version, length, checksum, then the payload.
    pub(crate) fn open<'a, T: Deserialize<'a>>(&self, bytes: &'a [u8]) -> Result<T, TrainError> {
        let (header, payload) = self.parts(bytes)?;
        if checksum(&header[..18], payload) != header[18..] {
            let message = "the content was changed after it was written";
            return Err(self.broken("checksum", message.to_owned()));
        }
        let encoding = bincode::config::legacy().with_limit::<LIMIT>();
        let decoded = bincode::serde::borrow_decode_from_slice::<T, _>(payload, encoding);
        let (content, used) = decoded.map_err(|error| self.broken("payload", error.to_string()))?;
        if used != payload.len() {
            let more = payload.len() - used;
            return Err(self.broken("payload", format!("{more} bytes follow the content")));
        }
        Ok(content)
    }

    /// Header and payload, after magic, version and length are found right.
    fn parts<'a>(&self, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), TrainError> {
        if bytes.len() < HEADER {
            let message = format!("{} bytes, at least {HEADER} were expected", bytes.len());
            return Err(self.broken("header", message));
        }
        let (header, payload) = bytes.split_at(HEADER);
        let kind = self.name;
        let wrong =
            |message, hint| Err(TrainError::ModelFile { kind, section: "header", message, hint });
        if header[..8] != self.magic {
            let magic = String::from_utf8_lossy(&self.magic);
            let magic = magic.trim_end_matches('\0');
            return wrong(format!("it does not begin with {magic}"), self.other);
        }
        let version = u16::from_le_bytes([header[8], header[9]]);
        if version != self.version {
            let known = self.version;
            let message =
                format!("version {version} of the format; this program reads version {known}");
            return wrong(message, "update this program, or train again");
        }
        let length = header[10..18].iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        if length != payload.len() as u64 {
            let there = payload.len();
            let message = format!("{length} bytes of content were written, {there} are there");
            return Err(self.broken("header", message));
        }
        Ok((header, payload))
    }

    fn broken(&self, section: &'static str, message: String) -> TrainError {
        TrainError::ModelFile { kind: self.name, section, message, hint: self.damaged }
    }
}

fn checksum(header: &[u8], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(header).chain_update(payload).finalize().into()
}
