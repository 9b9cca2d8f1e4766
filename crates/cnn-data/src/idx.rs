//! The idx format of MNIST: a magic number, big-endian sizes, bytes.
//!
//! Layout: `00 00`, type (`08` for bytes), number of dimensions, each size as a big-endian u32, then the values, last
//! dimension fastest. Source: Y. `LeCun`, "The MNIST database", file format section.

use crate::FormatError;

/// Sizes above this product are refused before anything is allocated.
const MAX_LEN: u64 = 1 << 31;

/// A parsed idx file of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub data: Vec<u8>,
}

/// Header of an idx file: its sizes and its own length in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Bytes before the values.
    pub len: usize,
}

impl Header {
    /// Bytes of values that the sizes promise; `parse_header` checked the product.
    pub fn data_len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Reads the header alone, so that the size of the whole is known before the rest is read.
///
/// # Errors
/// Whatever is wrong with the magic number or the sizes.
pub fn parse_header(bytes: &[u8]) -> Result<Header, FormatError> {
    const CUT: &str = "the file was cut off, or is not an idx file";
    let Some(&[a, b, kind, rank]) = bytes.first_chunk::<4>() else {
        let message = format!("{} bytes, but an idx header needs at least 4", bytes.len());
        return Err(FormatError::new("D010", message, CUT));
    };
    if [a, b] != [0, 0] {
        let message =
            format!("not an idx file: it begins with {}, expected 00 00 08", hex(&bytes[..4]));
        return Err(FormatError::new("D011", message, looks_like(bytes)));
    }
    if kind != 0x08 {
        let name = match kind {
            0x09 => "i8",
            0x0B => "i16",
            0x0C => "i32",
            0x0D => "f32",
            0x0E => "f64",
            _ => "unknown",
        };
        let message = format!(
            "values of type {name} (0x{kind:02X} at byte 2), expected unsigned bytes (0x08)"
        );
        return Err(FormatError::new(
            "D011",
            message,
            "images and labels of MNIST-like data are bytes; convert the file",
        ));
    }
    let rank = usize::from(rank);
    if rank == 0 || rank > 4 {
        let message =
            format!("{rank} dimensions (byte 3), expected 1 for labels, 3 or 4 for images");
        return Err(FormatError::new("D011", message, CUT));
    }
    let len = 4 + 4 * rank;
    let Some(sizes) = bytes.get(4..len) else {
        let message = format!(
            "the header ends at byte {}, but {rank} dimensions need {len} bytes",
            bytes.len()
        );
        return Err(FormatError::new("D010", message, CUT));
    };
    let shape: Vec<usize> =
        sizes.as_chunks::<4>().0.iter().map(|&size| u32::from_be_bytes(size) as usize).collect();
    let product = shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64));
    match product {
        Some(0) => Err(FormatError::new(
            "D011",
            format!("a size is 0: {shape:?}"),
            "an idx file needs at least one value",
        )),
        Some(product) if product <= MAX_LEN => Ok(Header { shape, len }),
        _ => {
            let swapped: Vec<u32> = shape.iter().map(|&size| (size as u32).swap_bytes()).collect();
            let hint = if swapped.iter().all(|&size| size < 1 << 20) {
                format!("the sizes look little-endian: read that way they are {swapped:?}")
            } else {
                "the header is damaged".to_owned()
            };
            Err(FormatError::new(
                "D011",
                format!("the sizes {shape:?} promise more than 2 GiB"),
                hint,
            ))
        }
    }
}

/// Parses a whole idx file of unsigned bytes.
///
/// # Errors
/// A bad header, too few values or too many.
pub fn parse(bytes: &[u8]) -> Result<Idx, FormatError> {
    let header = check(bytes)?;
    Ok(Idx { data: bytes[header.len..].to_vec(), shape: header.shape })
}

/// As [`parse`], without a second copy of the values.
pub(crate) fn parse_vec(mut bytes: Vec<u8>) -> Result<Idx, FormatError> {
    let header = check(&bytes)?;
    bytes.drain(..header.len);
    Ok(Idx { data: bytes, shape: header.shape })
}

/// The header, if the file has just the values that it promises.
fn check(bytes: &[u8]) -> Result<Header, FormatError> {
    let header = parse_header(bytes)?;
    let (expected, data) = (header.data_len(), &bytes[header.len..]);
    if data.len() != expected {
        let sizes = header.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        let message = format!(
            "header: {sizes} = {expected} bytes (from byte {}); found {} bytes",
            header.len,
            data.len()
        );
        let hint = if data.len() < expected {
            "the file was cut off; get it again and compare its SHA-256"
        } else {
            "bytes follow the last value; the header or the file is damaged"
        };
        return Err(FormatError::new("D012", message, hint));
    }
    Ok(header)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x1F, 0x8B, ..] => "it is a gzip file: name it .gz",
        [0x89, b'P', b'N', b'G', ..] => "it is a PNG picture",
        [b'P', b'K', ..] => "it is a zip or npz file: name it .npz",
        [b'<', ..] => "it is a web page: the download was answered with HTML",
        _ => "check that this is the file as published",
    }
}
