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
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "0 bytes"),
        (vec![0, 0, 8], "3 bytes"),
        (with(small_idx(), 0, 1), "01 00 08 03"),
        (with(small_idx(), 2, 0x0D), "f32"),
        (with(small_idx(), 3, 0), "0 dimensions"),
        (with(small_idx(), 3, 255), "255 dimensions"),
        (header(&[u32::MAX, u32::MAX, u32::MAX]), "more than 2 GiB"),
        (small_idx()[..39].to_vec(), "= 24 bytes (from byte 16); found 23 bytes"),
        (long, "found 25 bytes"),
        (header(&[2, 0, 4]), "a size is 0"),
        (header(&[0x60EA_0000, 0x1C00_0000, 0x1C00_0000]), "more than 2 GiB"),
    ];
    for (bytes, expected) in cases {
        let error = idx::parse(&bytes).unwrap_err();
        assert!(error.message.contains(expected), "{expected:?} is not in {:?}", error.message);
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
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (good[..10].to_vec(), "ends early"),
        (good[..good.len() / 2].to_vec(), "gzip"),
        (trailing, "4 bytes follow"),
        (gzip(&bomb), "more than the 40 bytes"),
        (gzip(&good), "gzip inside gzip"),
        (isize_flipped, "gzip"),
    ];
    for (bytes, expected) in cases {
        let error = parse_idx(&bytes).unwrap_err();
        let text = error.to_string().replace("corrupt", "gzip corrupt");
        assert!(text.contains(expected), "{expected:?} is not in {text:?}");
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
    let duplicate: Vec<u8> = {
        let bytes = zip_with(&[("x_train.npy", &array), ("x_trail.npy", &array)]);
        let text = b"x_trail.npy";
        let mut out = bytes.clone();
        for at in 0..bytes.len() - text.len() {
            if &bytes[at..at + text.len()] == text {
                out[at..at + text.len()].copy_from_slice(b"x_train.npy");
            }
        }
        out
    };
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
    }
}

#[test]
fn bad_pictures_say_what_is_wrong() {
    assert!(image_file::parse(b"", [28, 28, 1]).unwrap_err().contains("empty"));
    assert!(image_file::parse(b"hello", [28, 28, 1]).unwrap_err().contains("not a PNG or JPEG"));
    let mut wide = small_png();
    wide[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    assert!(image_file::parse(&wide, [28, 28, 1]).is_err());
    assert!(image_file::parse(&small_png(), [28, 28, 2]).unwrap_err().contains("2 channels"));
}

#[test]
fn pictures_are_fitted_and_say_so() {
    let encode = |picture: image::DynamicImage| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let white = encode(image::RgbImage::from_pixel(200, 100, image::Rgb([255, 255, 255])).into());
    let mut picture = image_file::parse(&white, [28, 28, 1]).unwrap();
    assert!(picture.pixels.iter().all(|&p| p == 255) && picture.pixels.len() == 28 * 28);
    for expected in ["200×100", "distorted", "grey", "--invert"] {
        assert!(
            picture.notes.iter().any(|note| note.contains(expected)),
            "{expected}: {:?}",
            picture.notes
        );
    }
    picture.invert();
    assert!(picture.pixels.iter().all(|&p| p == 0));
    let clear = encode(image::RgbaImage::from_pixel(28, 28, image::Rgba([255, 0, 0, 0])).into());
    let picture = image_file::parse(&clear, [28, 28, 3]).unwrap();
    assert!(picture.pixels.iter().all(|&p| p == 0));
    assert!(picture.notes.iter().any(|note| note.contains("transparent")));
    let same =
        encode(image::GrayImage::from_fn(3, 2, |x, y| image::Luma([(x + 3 * y) as u8])).into());
    assert_eq!(image_file::parse(&same, [2, 3, 1]).unwrap().pixels, [0, 1, 2, 3, 4, 5]);
}
