//! The makers of files, right ones and lying ones.

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::io::{Cursor, Write};

pub(crate) fn idx(dims: &[u32], data: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend((0..data).map(|i| i as u8));
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As small as gzip can make it.
pub(crate) fn bomb(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes with one of them changed.
pub(crate) fn with(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

/// An npy file of version 1 with this dictionary.
pub(crate) fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let len = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
}

pub(crate) fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"), data)
}

/// A member of a zip whose headers say what one likes.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) data: Vec<u8>,
    pub(crate) method: u16,
    /// Inflated size and CRC, as both headers say.
    pub(crate) size: u32,
    pub(crate) crc: u32,
    /// Where the directory says that it begins; where it does, if `None`.
    pub(crate) offset: Option<u32>,
}

/// A stored member that tells the truth.
pub(crate) fn stored(name: &'static str, data: &[u8]) -> Member {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    Member {
        name,
        data: data.to_vec(),
        method: 0,
        size: data.len() as u32,
        crc: crc.sum(),
        offset: None,
    }
}

/// A zip of these members, by hand: local headers, directory, end.
pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    let common = |member: &Member| {
        let mut out = vec![20, 0, 0, 0];
        out.extend(member.method.to_le_bytes());
        out.extend([0; 4]);
        out.extend(member.crc.to_le_bytes());
        out.extend((member.data.len() as u32).to_le_bytes());
        out.extend(member.size.to_le_bytes());
        out.extend((member.name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out
    };
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = member.offset.unwrap_or(out.len() as u32);
        if member.offset.is_none() {
            out.extend(b"PK\x03\x04");
            out.extend(common(member));
            out.extend(member.name.as_bytes());
            out.extend(&member.data);
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(common(member));
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let at = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A PNG of these chunks, with right checksums.
pub(crate) fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in chunks {
        let mut crc = flate2::Crc::new();
        crc.update(&kind[..]);
        crc.update(content);
        out.extend((content.len() as u32).to_be_bytes());
        out.extend(*kind);
        out.extend(content);
        out.extend(crc.sum().to_be_bytes());
    }
    out
}

/// The header chunk of a PNG.
pub(crate) fn ihdr(width: u32, height: u32, depth: u8, color: u8) -> (&'static [u8; 4], Vec<u8>) {
    (b"IHDR", [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, 0]].concat())
}

/// A small picture.
pub(crate) fn picture(format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::from_fn(9, 7, |x, y| image::Luma([(x * 25 + y * 3) as u8]))
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}
