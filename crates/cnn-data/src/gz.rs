//! gzip, inflated to a known limit and no further.

use crate::FormatError;
use flate2::bufread::GzDecoder;
use std::io::Read;

/// Inflated bytes, at most, whatever a header promises.
pub const MAX_INFLATED: usize = 1 << 30;

/// Whether the bytes begin as gzip does.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1F, 0x8B])
}

/// Inflates one gzip member; `limit` is told the first 64 bytes (or all, if fewer) and answers how many bytes the whole
/// may have. One byte more is an error, and so is anything after the member.
///
/// # Errors
/// Damaged or truncated gzip, a limit passed, trailing bytes.
pub fn inflate(
    bytes: &[u8],
    limit: impl FnOnce(&[u8]) -> Result<usize, FormatError>,
) -> Result<Vec<u8>, FormatError> {
    let mut decoder = GzDecoder::new(bytes);
    let mut out = Vec::new();
    read_some(&mut decoder, 64, &mut out)?;
    let limit = limit(&out)?.min(MAX_INFLATED);
    while out.len() <= limit {
        let before = out.len();
        let step = (limit + 1 - before).min(1 << 20);
        read_some(&mut decoder, step, &mut out)?;
        if out.len() == before {
            break;
        }
    }
    if out.len() > limit {
        let message = format!(
            "the gzip stream inflates to more than the {limit} bytes that its content may have"
        );
        return Err(FormatError::new(
            "D021",
            message,
            "the file is damaged, or made to exhaust memory",
        ));
    }
    let rest = decoder.into_inner();
    if !rest.is_empty() {
        let message = format!("{} bytes follow the gzip stream", rest.len());
        return Err(FormatError::new(
            "D022",
            message,
            "one stream per file is read; get the file again",
        ));
    }
    Ok(out)
}

fn read_some(
    decoder: &mut GzDecoder<&[u8]>,
    len: usize,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    let before = out.len();
    decoder.by_ref().take(len as u64).read_to_end(out).map(|_| ()).map_err(|error| {
        let reason = if error.kind() == std::io::ErrorKind::UnexpectedEof {
            "the gzip stream ends early".to_owned()
        } else {
            error.to_string()
        };
        let message = format!("{reason} (after {} inflated bytes)", before.max(out.len()));
        FormatError::new(
            "D020",
            message,
            "the file was cut off or damaged; get it again and compare its SHA-256",
        )
    })
}
