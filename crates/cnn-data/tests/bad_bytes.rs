//! Damaged and hostile files: each ends in one error that says what is wrong, and none in a panic.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::{FormatError, gz, idx, image_file, npy, npz, parse_idx};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Cursor, Write};

fn small_idx() -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
    bytes.extend(0..24);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn small_npz() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    npz::write(
        &mut bytes,
        &[("conv2d/kernel", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), ("conv2d/bias", &[2], &[0.0, 1.0])],
    )
    .unwrap();
    bytes.into_inner()
}

fn small_png() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::from_fn(5, 4, |x, y| image::Luma([(x * 40 + y) as u8]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn small_jpeg() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::from_fn(24, 20, |x, y| image::Luma([(x * 9 + y * 3) as u8]))
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

type Parser = fn(&[u8]) -> Result<(), String>;

/// Every kind of file: a small valid one and its parser.
fn kinds() -> Vec<(&'static str, Vec<u8>, Parser)> {
    fn text<T>(result: Result<T, FormatError>) -> Result<(), String> {
        result.map(|_| ()).map_err(|error| {
            assert!(
                error.code.starts_with('D') && !error.message.is_empty() && !error.hint.is_empty(),
                "{error:?}"
            );
            error.message
        })
    }
    vec![
        ("idx", small_idx(), |b| text(parse_idx(b))),
        ("idx.gz", gzip(&small_idx()), |b| text(parse_idx(b))),
        ("npy", npy::write_f32(&[2, 3], &[0.0; 6]), |b| text(npy::parse(b))),
        ("npz", small_npz(), |b| text(npz::parse(b))),
        ("png", small_png(), |b| image_file::parse(b, [4, 5, 1]).map(|_| ())),
        ("jpeg", small_jpeg(), |b| image_file::parse(b, [4, 5, 1]).map(|_| ())),
    ]
}

#[test]
fn every_truncation_is_an_error() {
    for (kind, bytes, parse) in kinds() {
        parse(&bytes).unwrap_or_else(|e| panic!("{kind}: {e}"));
        for len in 0..bytes.len() {
            // A PNG without its last chunk still has all its pixels.
            let complete = kind == "png" && len >= bytes.len() - 16;
            assert!(
                complete || parse(&bytes[..len]).is_err(),
                "{kind} cut to {len} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn every_flipped_bit_gives_an_answer() {
    for (_, bytes, parse) in kinds() {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = parse(&flipped);
        }
    }
}

#[test]
fn bad_idx_files_say_what_is_wrong() {
    let header = |dims: &[u32]| {
        let mut bytes = vec![0, 0, 8, dims.len() as u8];
        bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
        bytes
    };
    let with = |mut bytes: Vec<u8>, at: usize, value: u8| {
        bytes[at] = value;
        bytes
    };
    let mut long = small_idx();
    long.push(0);
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (vec![], "0 bytes", "D010"),
        (vec![0, 0, 8], "3 bytes", "D010"),
        (with(small_idx(), 0, 1), "01 00 08 03", "D011"),
        (with(small_idx(), 2, 0x0D), "f32", "D011"),
        (with(small_idx(), 3, 0), "0 dimensions", "D011"),
        (with(small_idx(), 3, 255), "255 dimensions", "D011"),
        (header(&[u32::MAX, u32::MAX, u32::MAX]), "more than 2 GiB", "D011"),
        (small_idx()[..39].to_vec(), "= 24 bytes (from byte 16); found 23 bytes", "D012"),
        (long, "found 25 bytes", "D012"),
        (header(&[2, 0, 4]), "a size is 0", "D011"),
        (header(&[0x60EA_0000, 0x1C00_0000, 0x1C00_0000]), "more than 2 GiB", "D011"),
    ];
    for (bytes, expected, code) in cases {
        let error = idx::parse(&bytes).unwrap_err();
        assert!(error.message.contains(expected), "{expected:?} is not in {:?}", error.message);
        assert_eq!(error.code, code, "{error}");
    }
    let swapped = idx::parse(&header(&[0x60EA_0000, 0x1C00_0000, 0x1C00_0000])).unwrap_err();
    assert!(
        swapped.hint.contains("little-endian") && swapped.hint.contains("[60000, 28, 28]"),
        "{}",
        swapped.hint
    );
    assert!(parse_idx(b"<html>").unwrap_err().hint.contains("HTML"));
}

#[test]
fn bad_gzip_files_say_what_is_wrong() {
    let good = gzip(&small_idx());
    let mut trailing = good.clone();
    trailing.extend(b"junk");
    let mut bomb = small_idx();
    bomb.resize(50_000_000, 0);
    let mut isize_flipped = good.clone();
    let last = isize_flipped.len() - 1;
    isize_flipped[last] ^= 0x40;
    let mut reserved = good.clone();
    reserved[3] |= 0xE0;
    // A file name of 1 MB in the header.
    let mut named = good.clone();
    named[3] |= 8;
    named.splice(10..10, std::iter::repeat_n(b'a', 1_000_000).chain([0]));
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (good[..10].to_vec(), "the gzip stream ends early (after 0 inflated bytes)", "D020"),
        (good[..good.len() - 9].to_vec(), "ends early (after 40 inflated bytes)", "D020"),
        (isize_flipped, "checksum", "D020"),
        (reserved, "invalid gzip header", "D020"),
        (named, "header field too long", "D020"),
        (gzip(&bomb), "more than the 40 bytes", "D021"),
        (trailing, "4 bytes follow", "D022"),
        ([good.clone(), good.clone()].concat(), "bytes follow the gzip stream", "D022"),
        (gzip(&good), "gzip inside gzip", "D023"),
        (gzip(&small_idx()[..39]), "found 23 bytes", "D012"),
    ];
    for (bytes, expected, code) in cases {
        let error = parse_idx(&bytes).unwrap_err();
        assert!(error.message.contains(expected), "{expected:?} is not in {:?}", error.message);
        assert_eq!(error.code, code, "{error}");
    }
    assert!(gz::inflate(&gzip(b"abc"), |_| Ok(2)).is_err());
}

fn npy_with(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn bad_npy_headers_say_what_is_wrong() {
    let descr = |descr: &str, shape: &str| {
        npy_with(
            &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"),
            &[],
        )
    };
    let mut huge_header = b"\x93NUMPY\x02\x00".to_vec();
    huge_header.extend(0xFFFF_FFF0_u32.to_le_bytes());
    let mut version = npy::write_f32(&[1], &[1.0]);
    version[6] = 9;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (descr("<f8", "(65536, 65536)"), "more than 2 GiB"),
        (huge_header, "limit is 65535"),
        (descr("<f4", "(-1, 28, 28)"), "negative"),
        (descr("<f4", "(3.5,)"), "expected"),
        (descr("<f4", "('a',)"), "not a whole number"),
        (descr("<f4", "((3,), 2)"), "not a whole number"),
        (descr("<f4", "(99999999999999999999,)"), "not a whole number"),
        (npy_with("", &[]), "plain dictionary"),
        (descr("|O", "(2,)"), "pickle"),
        (descr("<c8", "(2,)"), "<c8"),
        (npy_with("{'fortran_order': False, 'shape': (1,), }", &[]), "'descr'"),
        (
            npy_with("{'descr': '<f4', 'shape': (1,), 'shape': (1,), 'fortran_order': False}", &[]),
            "twice",
        ),
        (npy_with("__import__('os').system('true')", &[]), "plain dictionary"),
        (version, "version 9.0"),
        (descr("<f4", "(1,1,1,1,1,1,1,1,1)"), "8 axes"),
        (
            npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", &[0; 4]),
            "needs 8 bytes of values, the file has 4",
        ),
        (b"PK\x03\x04".to_vec(), "not an npy array"),
    ];
    for (bytes, expected) in cases {
        let error = npy::parse(&bytes).unwrap_err();
        assert!(error.message.contains(expected), "{expected:?} is not in {:?}", error.message);
        let code = match expected {
            "pickle" | "<c8" => "D031",
            _ if expected.starts_with("needs") => "D032",
            _ => "D030",
        };
        assert_eq!(error.code, code, "{error}");
    }
}

/// The bytes with every `from` after the first `skip` turned into `to`, of the same length.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8], skip: usize) -> Vec<u8> {
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(places.len() > skip, "nothing to replace");
    for at in places.into_iter().skip(skip) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// The bytes with `value` written `offset` bytes behind the last `signature`.
fn patched(mut bytes: Vec<u8>, signature: &[u8], offset: usize, value: &[u8]) -> Vec<u8> {
    let at = (0..bytes.len()).rev().find(|&at| bytes[at..].starts_with(signature)).unwrap();
    bytes[at + offset..at + offset + value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn archives_that_contradict_themselves_are_refused() {
    const CENTRAL: &[u8] = b"PK\x01\x02";
    let array = npy::write_f32(&[2], &[1.0, 2.0]);
    let good = zip_with(&[("x_train.npy", &array)]);
    npz::parse(&good).unwrap();
    let flags_at = |bytes: &[u8]| u16::from_le_bytes([bytes[6], bytes[7]]);
    let encrypted = (flags_at(&good) | 1).to_le_bytes();
    let symlink = (0o120_777_u32 << 16).to_le_bytes();
    let four_tb = 0xFFFF_FFFE_u32.to_le_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("another name in the directory", replaced(good.clone(), b"x_train", b"x_trail", 1)),
        ("a huge size in the directory", patched(good.clone(), CENTRAL, 24, &four_tb)),
        ("a huge compressed size", patched(good.clone(), CENTRAL, 20, &four_tb)),
        ("an offset behind the end", patched(good.clone(), CENTRAL, 42, &four_tb)),
        ("another checksum", patched(good.clone(), CENTRAL, 16, &[1, 2, 3, 4])),
        ("another method", patched(good.clone(), CENTRAL, 10, &[12, 0])),
        ("a symbolic link", patched(good.clone(), CENTRAL, 38, &symlink)),
        ("an encrypted member", patched(good.clone(), CENTRAL, 8, &encrypted)),
        ("70,000 members that are not there", patched(good, b"PK\x05\x06", 10, &[0x70, 0x11])),
    ];
    for (what, bytes) in cases {
        let error = npz::parse(&bytes).err().unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(error.code == "D040" && error.message.len() < 300, "{what}: {error}");
    }
}

#[test]
fn names_that_could_not_be_read_back_are_not_written() {
    for name in ["../x", "/x", "a//b", "C:x", "a\\b", "", "a/\u{1b}[2J"] {
        let error = npz::write(Cursor::new(Vec::new()), &[(name, &[1], &[1.0])]).unwrap_err();
        assert!(error.message.contains("odd array name"), "{error}");
        assert!(!error.message.contains('\u{1b}'));
    }
}

/// A zip with one member of this name and content, deflated.
fn zip_with(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn bad_archives_say_what_is_wrong() {
    let array = npy::write_f32(&[2], &[1.0, 2.0]);
    let bomb = npy_with(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }",
        &vec![0; 30_000_000],
    );
    let many: Vec<(String, &[u8])> =
        (0..1100).map(|i| (format!("a{i}.npy"), array.as_slice())).collect();
    let many: Vec<(&str, &[u8])> =
        many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    // Two members of one name: written with another name of the same length, then renamed in the bytes.
    let two = zip_with(&[("x_train.npy", &array), ("x_trail.npy", &array)]);
    let duplicate = replaced(two, b"x_trail.npy", b"x_train.npy", 0);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"not a zip at all".to_vec(), "not a readable npz"),
        (zip_with(&[("../../etc/x.npy", &array)]), "odd member name"),
        (zip_with(&[("/x.npy", &array)]), "odd member name"),
        (zip_with(&[("C:\\x.npy", &array)]), "odd member name"),
        (zip_with(&[("x.txt", &array)]), "not an .npy array"),
        (zip_with(&[("x.npy", &bomb)]), "the archive declares"),
        (zip_with(&many), "1100 members"),
        (duplicate, "same name"),
        (zip_with(&[("x.npy", b"hello, this is no array")]), "x: not an npy array"),
    ];
    for (bytes, expected) in cases {
        let error = npz::parse(&bytes).unwrap_err();
        assert!(error.message.contains(expected), "{expected:?} is not in {:?}", error.message);
        let code = if expected.starts_with("x: not an npy") { "D030" } else { "D040" };
        assert_eq!(error.code, code, "{error}");
    }
}
