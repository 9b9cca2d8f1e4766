//! Event files: records in TFRecord framing.
//!
//! Each record is: its length (u64), the masked CRC-32C of these 8 bytes (u32), the record, its masked CRC-32C (u32); all
//! little-endian. The mask keeps a checksum of data that holds checksums useful: `((crc ≫ 15) | (crc ≪ 17)) + 0xa282ead8`.
//!
//! **Source**: TensorFlow `core/lib/io/record_writer.cc`, `core/lib/hash/crc32c.h`.

use super::super::context::reopen;
use super::event::{Event, Payload};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// What the names of event files have in them: the reader looks for it.
const MARK: &str = "events.out.tfevents.";

/// An event file that is being written.
pub(super) struct Records {
    path: PathBuf,
    file: BufWriter<File>,
    record: Vec<u8>,
}

impl Records {
    /// Begins a file in this folder, which is there. `time`: seconds since 1970. With `replace`, the event files of earlier runs
    /// that are in the folder are removed: the reader would take all of them for one run.
    pub(super) fn begin(folder: &Path, time: f64, replace: bool) -> Result<Self, String> {
        let say = |e: io::Error| format!("{}: {e}", folder.display());
        if replace {
            for entry in fs::read_dir(folder).map_err(say)?.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with(MARK) && !name.starts_with(&stamp(time)) {
                    fs::remove_file(entry.path()).map_err(say)?;
                }
            }
        }
        let (path, file) = new_file(folder, &stamp(time)).map_err(say)?;
        let mut records = Self { path, file: BufWriter::new(file), record: Vec::new() };
        let version = Event { time, step: 0, payload: Payload::Version("brain.Event:2") };
        records.write(&version)?;
        Ok(records)
    }

    /// Goes on with a file that had this length when the run was kept.
    pub(super) fn resume(path: &Path, length: u64) -> Result<Self, String> {
        let file = BufWriter::new(reopen(path, length)?);
        Ok(Self { path: path.to_owned(), file, record: Vec::new() })
    }

    /// Has everything on the disk; the file's name and its length.
    pub(super) fn keep(&mut self) -> Result<(String, u64), String> {
        self.flush()?;
        let synced = self.file.get_ref().sync_data();
        let length = synced.and_then(|()| self.file.get_ref().metadata()).map(|meta| meta.len());
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        length.map(|length| (name, length)).map_err(|e| self.failed(&e))
    }

    /// Adds a record.
    pub(super) fn write(&mut self, event: &Event<'_>) -> Result<(), String> {
        self.record.clear();
        event.encode(&mut self.record);
        let written = frame(&mut self.file, &self.record);
        written.map_err(|e| self.failed(&e))
    }

    /// Hands everything to the system, for a reader who looks while training runs.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        self.file.flush().map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }
}

/// How the names of a run's files begin: with the time, as TensorFlow's.
fn stamp(time: f64) -> String {
    format!("{MARK}{:010}.", time as u64)
}

/// A file that was not there before.
fn new_file(folder: &Path, stamp: &str) -> io::Result<(PathBuf, File)> {
    let mut number = 0;
    loop {
        let path = folder.join(format!("{stamp}cnn.{number}.v2"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
            other => return other.map(|file| (path, file)),
        }
    }
}

fn frame(out: &mut impl io::Write, record: &[u8]) -> io::Result<()> {
    let length = (record.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked_crc(&length).to_le_bytes())?;
    out.write_all(record)?;
    out.write_all(&masked_crc(record).to_le_bytes())
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
