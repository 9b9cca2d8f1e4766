//! NumPy's `.npz`: a zip archive of npy files, stored or deflated.
//!
//! Nothing is ever extracted to disk. Every size is checked against what is really there before memory is asked for.

use crate::npy::{self, Array, Values};
use crate::{DataError, FormatError, read_file};
use std::collections::BTreeSet;
use std::io::{Cursor, Read, Seek, Write};
use std::path::Path;
use zip::read::ZipFile;
use zip::{CompressionMethod, ZipArchive};

/// Members, at most.
const MAX_MEMBERS: usize = 1024;

/// Bytes of all members together, at most, inflated and with integers as wide as they are kept.
const MAX_INFLATED: usize = 2 << 30;

/// A named array of an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The member's name without `.npy`: `x_train`, `conv2d/kernel`.
    pub name: String,
    /// Its array.
    pub array: Array,
}

/// Reads a whole archive.
///
/// # Errors
/// As [`parse`], and the disk's.
pub fn read(path: &Path) -> Result<Vec<Entry>, DataError> {
    let bytes = read_file(path)?;
    parse(&bytes).map_err(|source| DataError::Format { path: path.to_owned(), source })
}

/// Name, shape and values of an array of floats.
pub type Floats = (String, Vec<usize>, Vec<f32>);

/// Reads an archive of float arrays, such as weights: name, shape and values of each. float64 is rounded.
///
/// # Errors
/// As [`read`]; an array of integers.
pub fn read_f32(path: &Path) -> Result<Vec<Floats>, DataError> {
    let float = |entry: Entry| match entry.array.values {
        Values::F32(_) | Values::F64(_) => {
            Ok((entry.name, entry.array.shape.clone(), entry.array.to_f32()))
        }
        Values::U8(_) | Values::I64(_) => {
            let message = format!(
                "{} holds {}, expected float32",
                entry.name,
                entry.array.values.type_name()
            );
            let source =
                FormatError::new("D042", message, "weights are floats: array.astype('float32')");
            Err(DataError::Format { path: path.to_owned(), source })
        }
    };
    read(path)?.into_iter().map(float).collect()
}

fn bad(message: impl Into<String>) -> FormatError {
    FormatError::new("D040", message, "write it again with numpy.savez")
}

/// Parses a whole archive, arrays in the archive's order.
///
/// # Errors
/// No zip file, too many or odd members, sizes that do not come out, and whatever is wrong with a member's npy.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, FormatError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| bad(format!("not a readable npz (zip) file: {error}")))?;
    // NumPy writes no comment: the end of the directory is the end of the file, and the first member its beginning.
    let end = bytes.len().checked_sub(22).and_then(|at| bytes.get(at..));
    if archive.offset() != 0 || !end.is_some_and(|end| end.starts_with(b"PK\x05\x06")) {
        return Err(bad("there are bytes before or behind the archive"));
    }
    if archive.len() > MAX_MEMBERS {
        return Err(bad(format!("{} members; the limit is {MAX_MEMBERS}", archive.len())));
    }
    if archive.has_duplicate_names() {
        return Err(bad("two members of the archive have the same name"));
    }
    // Central directory and local headers must agree and no two members share bytes: what other readers see is what we see.
    archive
        .validate_header_consistency()
        .map_err(|error| bad(format!("the archive contradicts itself: {error}")))?;
    let mut names = BTreeSet::new();
    let mut entries = Vec::new();
    let mut left = MAX_INFLATED;
    for index in 0..archive.len() {
        let mut member = archive
            .by_index(index)
            .map_err(|error| bad(format!("member {index} is damaged: {error}")))?;
        let name = check_name(&member)?;
        if !names.insert(name.clone()) {
            return Err(bad(format!("the archive has two members {name:?}")));
        }
        let inside = |error: FormatError| FormatError {
            message: format!("{name}: {}", error.message),
            ..error
        };
        let bytes = inflate(&mut member, bytes.len()).map_err(inside)?;
        let in_memory = npy::parse_header(&bytes).map_err(inside)?.values_len();
        left = left
            .checked_sub(bytes.len().max(in_memory))
            .ok_or_else(|| bad(format!("its arrays have more than {MAX_INFLATED} bytes in all")))?;
        entries.push(Entry { array: npy::parse(&bytes).map_err(inside)?, name });
    }
    Ok(entries)
}

/// A name as it may be printed.
fn shown(name: &str) -> String {
    name.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Whether a member's name is no plain relative path such as `conv2d/kernel.npy`.
fn is_odd(name: &str) -> bool {
    name.len() > 256
        || name.contains(['\\', ':'])
        || name.chars().any(char::is_control)
        || name.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn check_name<R: Read>(member: &ZipFile<'_, R>) -> Result<String, FormatError> {
    let full =
        member.name().map_err(|error| bad(format!("a member's name is damaged: {error}")))?;
    let full = full.as_ref();
    let shown = shown(full);
    if is_odd(full) || is_odd(full.strip_suffix(".npy").unwrap_or(full)) {
        return Err(bad(format!(
            "odd member name {shown:?}: a path that leaves the archive is refused"
        )));
    }
    if member.is_symlink() || member.is_dir() {
        return Err(bad(format!("member {shown:?} is not a plain file")));
    }
    if member.encrypted() {
        return Err(bad(format!("member {shown:?} is encrypted")));
    }
    let Some(name) = full.strip_suffix(".npy") else {
        return Err(bad(format!("member {shown:?} is not an .npy array")));
    };
    Ok(name.to_owned())
}

/// The member's bytes: as many as its npy header promises and not one more, however the archive lies.
fn inflate<R: Read>(
    member: &mut ZipFile<'_, R>,
    archive_len: usize,
) -> Result<Vec<u8>, FormatError> {
    match member.compression() {
        CompressionMethod::Stored if member.size() > archive_len as u64 => {
            return Err(bad(format!(
                "declares {} bytes, but the whole archive has {archive_len}",
                member.size()
            )));
        }
        CompressionMethod::Stored | CompressionMethod::Deflated => {}
        other => {
            return Err(bad(format!(
                "compressed with {other}; stored and deflated members are read"
            )));
        }
    }
    let damaged = |error: std::io::Error| bad(format!("damaged: {error}"));
    let mut out = Vec::new();
    member.by_ref().take(12).read_to_end(&mut out).map_err(damaged)?;
    let header = npy::header_len(&out)?;
    member
        .by_ref()
        .take(header.saturating_sub(out.len()) as u64)
        .read_to_end(&mut out)
        .map_err(damaged)?;
    let total = npy::parse_header(&out)?.total_len();
    if member.size() != total as u64 {
        return Err(bad(format!(
            "its npy header promises {total} bytes, the archive declares {}",
            member.size()
        )));
    }
    let ratio_limit = (archive_len as u64).saturating_mul(1100).saturating_add(1 << 20);
    if total as u64 > ratio_limit {
        return Err(bad(format!(
            "promises {total} bytes, more than {archive_len} compressed bytes can hold"
        )));
    }
    // Read in steps, so that a member that promises much and holds little asks for little memory.
    while out.len() <= total {
        let before = out.len();
        let step = (total + 1 - before).min(1 << 20);
        member.by_ref().take(step as u64).read_to_end(&mut out).map_err(damaged)?;
        if out.len() == before {
            break;
        }
    }
    Ok(out)
}

/// Writes arrays of f32 under their names, stored, the same bytes for the same arrays.
///
/// # Errors
/// A name that [`parse`] would refuse, the same name twice, and the writer's.
pub fn write<W: Write + Seek>(
    writer: W,
    arrays: &[(&str, &[usize], &[f32])],
) -> Result<(), FormatError> {
    let failed = |error: &dyn std::fmt::Display| {
        FormatError::new("D041", format!("cannot write the archive: {error}"), "check the disk")
    };
    let mut zip = zip::ZipWriter::new(writer);
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (name, shape, values) in arrays {
        let member = format!("{name}.npy");
        if is_odd(name) || is_odd(&member) {
            let message = format!("odd array name {:?}", shown(name));
            return Err(FormatError::new("D041", message, "names are like conv2d/kernel"));
        }
        zip.start_file(member, options).map_err(|e| failed(&e))?;
        zip.write_all(&npy::write_f32(shape, values)).map_err(|e| failed(&e))?;
    }
    zip.finish().map_err(|e| failed(&e))?;
    Ok(())
}
