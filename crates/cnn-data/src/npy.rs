//! NumPy's array format: magic, version, a Python dictionary of three keys, the values.
//!
//! Read are booleans, signed and unsigned integers of 1 to 8 bytes and floats of 4 and 8, in either byte order and in C or
//! Fortran order. Pickled objects are refused: they are programs. Source: NumPy's `numpy.lib.format`.

mod header;

use crate::FormatError;
use header::Parser;

/// Header bytes, at most; checked before the header is looked at.
const MAX_HEADER: usize = 65_535;
/// Axes, at most.
const MAX_RANK: usize = 8;
/// Bytes of values in memory, at most: integers other than u1 count 8 bytes each, as they are kept.
pub const MAX_DATA: u64 = 1 << 31;

/// An array in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Values,
}

/// The values of an array; the narrow integers are widened, bytes and floats keep their type.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `u1` and booleans.
    U8(Vec<u8>),
    /// Every other integer.
    I64(Vec<i64>),
    /// `f4`.
    F32(Vec<f32>),
    /// `f8`.
    F64(Vec<f64>),
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// NumPy's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "uint8",
            Self::I64(_) => "int64",
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
        }
    }
}

impl Array {
    /// The values as f32, rounded where f32 has no such number.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.values {
            Values::U8(v) => v.iter().map(|&v| f32::from(v)).collect(),
            Values::I64(v) => v.iter().map(|&v| v as f32).collect(),
            Values::F32(v) => v.clone(),
            Values::F64(v) => v.iter().map(|&v| v as f32).collect(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

/// What the header says, checked, and where the values begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    kind: Kind,
    /// Bytes per value.
    size: usize,
    big_endian: bool,
    fortran: bool,
    /// Bytes before the values.
    pub len: usize,
}

impl Header {
    /// Bytes that the whole file must have; the product was checked.
    pub fn total_len(&self) -> usize {
        self.len + self.shape.iter().product::<usize>() * self.size
    }

    /// Bytes that the parsed values take in memory, at most 2 GiB: more than in the file where integers are widened.
    pub fn values_len(&self) -> usize {
        self.shape.iter().product::<usize>() * in_memory(self.kind, self.size)
    }
}

/// Bytes of one value of [`Values`]: bytes and floats stay as they are, every other integer becomes an i64.
fn in_memory(kind: Kind, size: usize) -> usize {
    match (kind, size) {
        (Kind::Signed, _) | (Kind::Unsigned, 2..) => 8,
        _ => size,
    }
}

fn bad(message: impl Into<String>) -> FormatError {
    FormatError::new("D030", message, "write it again with numpy.save")
}

/// Bytes of magic, version and header, from the first 12 bytes of a file (fewer if the file is shorter).
///
/// # Errors
/// No npy file, an unknown version, a header above the limit.
pub fn header_len(bytes: &[u8]) -> Result<usize, FormatError> {
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(bad("not an npy array: it does not begin with \\x93NUMPY"));
    }
    let cut = || bad(format!("the npy header is cut off at byte {}", bytes.len()));
    let (start, len) = match bytes.get(6..8).ok_or_else(cut)? {
        [1, _] => (10, u16::from_le_bytes(*bytes[8..].first_chunk().ok_or_else(cut)?) as usize),
        [2 | 3, _] => (12, u32::from_le_bytes(*bytes[8..].first_chunk().ok_or_else(cut)?) as usize),
        version => {
            return Err(bad(format!(
                "npy version {}.{}; versions 1.0 to 3.0 are known",
                version[0], version[1]
            )));
        }
    };
    if len > MAX_HEADER {
        return Err(bad(format!("the npy header claims {len} bytes; the limit is {MAX_HEADER}")));
    }
    Ok(start + len)
}

/// Parses the header.
///
/// # Errors
/// Whatever is wrong with it; sizes whose product passes 2 GiB.
pub fn parse_header(bytes: &[u8]) -> Result<Header, FormatError> {
    let len = header_len(&bytes[..bytes.len().min(12)])?;
    let start = if bytes[6] == 1 { 10 } else { 12 };
    let text = bytes.get(start..len).ok_or_else(|| {
        bad(format!("the npy header needs {len} bytes, the file has {}", bytes.len()))
    })?;
    let text = std::str::from_utf8(text).map_err(|_| bad("the npy header is not text"))?;
    let fields = Parser::new(text).dictionary()?;
    let descr = fields.descr.ok_or_else(|| bad("the npy header lacks the key 'descr'"))?;
    let (kind, size, big_endian) = parse_descr(&descr)?;
    let shape = fields.shape.ok_or_else(|| bad("the npy header lacks the key 'shape'"))?;
    let fortran =
        fields.fortran.ok_or_else(|| bad("the npy header lacks the key 'fortran_order'"))?;
    let value = in_memory(kind, size);
    let total =
        shape.iter().try_fold(value as u64, |product, &dim| product.checked_mul(dim as u64));
    match total {
        Some(total) if total <= MAX_DATA => {
            Ok(Header { shape, kind, size, big_endian, fortran, len })
        }
        Some(total) => Err(bad(format!(
            "the shape {shape:?} needs {total} bytes at {value} bytes a value, more than 2 GiB"
        ))),
        None => {
            Err(bad(format!("the shape {shape:?} needs more than 2 GiB at {value} bytes a value")))
        }
    }
}

fn parse_descr(descr: &str) -> Result<(Kind, usize, bool), FormatError> {
    let unsupported = || {
        let shown: String = descr.chars().take(40).filter(|c| !c.is_control()).collect();
        FormatError::new(
            "D031",
            format!("values of type {shown:?}; read are u1 to u8, i1 to i8, b1, f4 and f8"),
            "convert it: array.astype('float32') or 'uint8'",
        )
    };
    if descr.contains('O') {
        return Err(FormatError::new(
            "D031",
            "pickled Python objects; a pickle is a program and is never run",
            "save plain numbers: numpy.savez without object arrays",
        ));
    }
    let &[order, kind, size] = descr.as_bytes() else {
        return Err(unsupported());
    };
    let big_endian = match order {
        b'<' | b'|' | b'=' => false,
        b'>' => true,
        _ => return Err(unsupported()),
    };
    let (kind, sizes): (Kind, &[u8]) = match kind {
        b'b' => (Kind::Bool, b"1"),
        b'i' => (Kind::Signed, b"1248"),
        b'u' => (Kind::Unsigned, b"1248"),
        b'f' => (Kind::Float, b"48"),
        _ => return Err(unsupported()),
    };
    if sizes.contains(&size) {
        Ok((kind, usize::from(size - b'0'), big_endian))
    } else {
        Err(unsupported())
    }
}

/// Parses a whole npy file.
///
/// # Errors
/// A bad header, too few bytes or too many, an unsigned number beyond i64.
pub fn parse(bytes: &[u8]) -> Result<Array, FormatError> {
    let header = parse_header(bytes)?;
    let (expected, found) = (header.total_len() - header.len, bytes.len() - header.len);
    if expected != found {
        let message = format!(
            "the shape {:?} needs {expected} bytes of values, the file has {found}",
            header.shape
        );
        return Err(FormatError::new(
            "D032",
            message,
            "the file was cut off or damaged; get it again",
        ));
    }
    let data = &bytes[header.len..];
    let values = decode(&header, data)?;
    let values = if header.fortran { to_c_order(&header.shape, values) } else { values };
    Ok(Array { shape: header.shape, values })
}

fn decode(header: &Header, data: &[u8]) -> Result<Values, FormatError> {
    macro_rules! numbers {
        ($type:ty) => {
            data.as_chunks().0.iter().map(|&b| {
                if header.big_endian {
                    <$type>::from_be_bytes(b)
                } else {
                    <$type>::from_le_bytes(b)
                }
            })
        };
    }
    Ok(match (header.kind, header.size) {
        (Kind::Bool, _) | (Kind::Unsigned, 1) => Values::U8(data.to_vec()),
        (Kind::Signed, 1) => Values::I64(numbers!(i8).map(i64::from).collect()),
        (Kind::Signed, 2) => Values::I64(numbers!(i16).map(i64::from).collect()),
        (Kind::Signed, 4) => Values::I64(numbers!(i32).map(i64::from).collect()),
        (Kind::Signed, _) => Values::I64(numbers!(i64).collect()),
        (Kind::Unsigned, 2) => Values::I64(numbers!(u16).map(i64::from).collect()),
        (Kind::Unsigned, 4) => Values::I64(numbers!(u32).map(i64::from).collect()),
        (Kind::Unsigned, _) => {
            let values: Result<Vec<i64>, _> = numbers!(u64).map(i64::try_from).collect();
            Values::I64(values.map_err(|_| {
                FormatError::new(
                    "D031",
                    "an unsigned number above 9223372036854775807",
                    "no label or pixel is that large",
                )
            })?)
        }
        (Kind::Float, 4) => Values::F32(numbers!(f32).collect()),
        (Kind::Float, _) => Values::F64(numbers!(f64).collect()),
    })
}

/// Reorders values whose first axis runs fastest.
fn to_c_order(shape: &[usize], values: Values) -> Values {
    fn reorder<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
        let mut strides = vec![1usize; shape.len()];
        for axis in 1..shape.len() {
            strides[axis] = strides[axis - 1] * shape[axis - 1];
        }
        let (mut index, mut at) = (vec![0usize; shape.len()], 0usize);
        let mut out = Vec::with_capacity(values.len());
        for _ in 0..values.len() {
            out.push(values[at]);
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                at -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        out
    }
    match values {
        Values::U8(v) => Values::U8(reorder(shape, &v)),
        Values::I64(v) => Values::I64(reorder(shape, &v)),
        Values::F32(v) => Values::F32(reorder(shape, &v)),
        Values::F64(v) => Values::F64(reorder(shape, &v)),
    }
}

/// Writes an array of f32 as npy version 1.0, little-endian, C order.
pub fn write_f32(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|dim| format!("{dim}, ")).collect();
    let sizes = sizes.concat();
    let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    let unpadded = 10 + header.len() + 1;
    header.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
