//! What is there of a file: `NAME.part`, and `NAME.part.from` with the address and the tag of the version that it is a part of.

use super::{FetchError, PublishedFile, sha256_of};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a `.from` file that are read, at most.
const MAX_FROM: u64 = 4096;

/// A file in the making. Whoever has it holds the file's lock.
#[derive(Debug)]
pub(super) struct Part {
    data: File,
    path: PathBuf,
    from_path: PathBuf,
    length: u64,
}

impl Part {
    /// Opens what is there, or begins. More bytes than the file has are none of it.
    pub(super) fn open(folder: &Path, file: &PublishedFile) -> Result<Self, FetchError> {
        let path = folder.join(format!("{}.part", file.name));
        let from_path = folder.join(format!("{}.part.from", file.name));
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let ready = opened.and_then(|data| data.metadata().map(|meta| (data, meta.len())));
        let (data, length) = ready.map_err(|source| disk(&path, "open", source))?;
        let mut part = Self { data, path, from_path, length };
        if part.length > file.size {
            part.clear()?;
        }
        Ok(part)
    }

    /// Bytes that are there.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The tag of the version at this address that the bytes are of, if that is where they came from.
    pub(super) fn tag(&self, url: &str) -> Option<String> {
        let mut text = String::new();
        File::open(&self.from_path).ok()?.take(MAX_FROM).read_to_string(&mut text).ok()?;
        let mut lines = text.lines();
        let same = lines.next() == Some(url);
        lines.next().filter(|tag| same && is_strong_tag(tag)).map(str::to_owned)
    }

    /// Nothing is there any more.
    pub(super) fn clear(&mut self) -> Result<(), FetchError> {
        let _ = fs::remove_file(&self.from_path);
        self.data.set_len(0).map_err(|source| disk(&self.path, "empty", source))?;
        self.length = 0;
        Ok(())
    }

    /// Leaves what has come for the next time, or no trace if nothing has.
    pub(super) fn leave(self) {
        if self.length == 0 {
            drop(self.data);
            let _ = fs::remove_file(&self.from_path);
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Begins with the version of that tag at that address. The note of it comes before the first byte.
    pub(super) fn begin(&mut self, url: &str, tag: Option<&str>) -> Result<(), FetchError> {
        self.clear()?;
        if let Some(tag) = tag.filter(|tag| is_strong_tag(tag)) {
            fs::write(&self.from_path, format!("{url}\n{tag}\n"))
                .map_err(|source| disk(&self.from_path, "write", source))?;
        }
        Ok(())
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let written =
            self.data.seek(SeekFrom::Start(self.length)).and_then(|_| self.data.write_all(bytes));
        written.map_err(|source| disk(&self.path, "write", source))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// SHA-256 of all that is there.
    pub(super) fn sum(&mut self) -> Result<String, FetchError> {
        let sum = self.data.seek(SeekFrom::Start(0)).and_then(|_| sha256_of(&mut self.data));
        sum.map_err(|source| disk(&self.path, "read", source))
    }

    /// Gives the file its name, in one step that a loss of power does not halve.
    pub(super) fn finish(self, path: &Path) -> Result<(), FetchError> {
        self.data.sync_all().map_err(|source| disk(&self.path, "write", source))?;
        drop(self.data);
        fs::rename(&self.path, path).map_err(|source| disk(path, "write", source))?;
        let _ = fs::remove_file(&self.from_path);
        sync_folder(path.parent()).map_err(|source| disk(path, "write", source))
    }
}

#[cfg(unix)]
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: Option<&Path>) -> io::Result<()> {
    Ok(())
}

pub(super) fn disk(path: &Path, doing: &'static str, source: io::Error) -> FetchError {
    FetchError::Disk { path: path.to_owned(), doing, source }
}

/// Whether a tag names bytes exactly (RFC 9110, 8.8.3): `"…"` and not `W/"…"`. A weak one cannot be asked for by ranges.
fn is_strong_tag(tag: &str) -> bool {
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
    inner.is_some_and(|inner| inner.len() <= 200 && inner.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::is_strong_tag;

    #[test]
    fn only_strong_tags_name_bytes() {
        assert!(["\"\"", "\"a-1\"", "\"W/x\""].into_iter().all(is_strong_tag));
        let long = format!("\"{}\"", "x".repeat(201));
        let none = ["", "\"", "a", "W/\"a\"", "\"a\"b\"", "\"a\r\nx\"", "\"ä\"", &long];
        assert!(!none.into_iter().any(is_strong_tag));
    }
}
