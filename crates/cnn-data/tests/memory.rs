//! Files made to exhaust memory: each is refused, and little is asked for on the way.
//!
//! Counted is every byte ever asked for, which is never less than the peak. One test, for the counter is the process's.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::{image_file, npy, npz, parse_idx};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::Write;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1 << 20;

fn npy_header(descr: &str, shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip of one member `x.npy` whose headers, local and central, claim `size` bytes and whose place is `offset`, both as
/// zip64 (APPNOTE 4.5.3), whatever `data` is.
fn zip64(method: u16, data: &[u8], size: u64, offset: u64) -> Vec<u8> {
    const NAME: &[u8] = b"x.npy";
    let stored = if method == 0 { size } else { data.len() as u64 };
    let common = |out: &mut Vec<u8>, extra: usize| {
        out.extend([45, 0, 0, 0]);
        out.extend(method.to_le_bytes());
        out.extend([0; 8]); // time, date, CRC
        out.extend([0xFF; 8]); // both sizes: see the zip64 field
        out.extend((NAME.len() as u16).to_le_bytes());
        out.extend((extra as u16).to_le_bytes());
    };
    let mut out = b"PK\x03\x04".to_vec();
    common(&mut out, 20);
    out.extend(NAME);
    out.extend([1, 0, 16, 0]);
    out.extend(size.to_le_bytes());
    out.extend(stored.to_le_bytes());
    out.extend(data);
    let directory = out.len();
    out.extend(b"PK\x01\x02\x2D\x00");
    common(&mut out, 28);
    out.extend([0; 10]); // comment, disk, attributes
    out.extend([0xFF; 4]); // offset: see the zip64 field
    out.extend(NAME);
    out.extend([1, 0, 24, 0]);
    out.extend(size.to_le_bytes());
    out.extend(stored.to_le_bytes());
    out.extend(offset.to_le_bytes());
    let len = out.len() - directory;
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend((len as u32).to_le_bytes());
    out.extend((directory as u32).to_le_bytes());
    out.extend([0, 0]);
    out
}

/// The start of a grey 8-bit PNG of these sides, with valid checksums, and `data` as its compressed pixels.
fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    for (kind, content) in [(b"IHDR", &header[..]), (b"IDAT", data)] {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(content);
        out.extend((content.len() as u32).to_be_bytes());
        out.extend(kind);
        out.extend(content);
        out.extend(crc.sum().to_be_bytes());
    }
    out
}

type Parse = fn(&[u8]) -> Option<String>;

fn idx_error(bytes: &[u8]) -> Option<String> {
    parse_idx(bytes).err().map(|e| e.to_string())
}

fn npy_error(bytes: &[u8]) -> Option<String> {
    npy::parse(bytes).err().map(|e| e.to_string())
}

fn npz_error(bytes: &[u8]) -> Option<String> {
    npz::parse(bytes).err().map(|e| e.to_string())
}

fn picture_error(bytes: &[u8]) -> Option<String> {
    image_file::parse(bytes, [28, 28, 1]).err()
}

/// What the file is, its bytes, its parser, words of the answer, bytes that may be asked for.
type Case = (&'static str, Vec<u8>, Parse, &'static str, usize);

fn gzip_and_idx() -> Vec<Case> {
    let idx = |n: u32| {
        let sizes = [n, 28, 28].map(u32::to_be_bytes).concat();
        [&[0, 0, 8, 3][..], &sizes].concat()
    };
    let mut zeros = idx(1);
    zeros.resize(50_000_000, 0);
    vec![
        ("16 bytes that promise 1.6 GB", idx(2_000_000), idx_error, "found 0 bytes", MIB),
        ("the same in gzip", gzip(&idx(1_000_000)), idx_error, "found 0 bytes", MIB),
        ("gzip of 50 MB for 784", gzip(&zeros), idx_error, "more than the 800 bytes", MIB),
    ]
}

fn numpy() -> Vec<Case> {
    let small = npy_header("|u1", "(2, 2)");
    let bomb = deflated(&[&small[..], &vec![0; 30_000_000]].concat());
    let promised = small.len() as u64 + 4;
    let huge = npy_header("|u1", "(65536, 30000)");
    let huge_len = huge.len() as u64 + 65_536 * 30_000;
    let array = npy::write_f32(&[2], &[1.0, 2.0]);
    let len = array.len() as u64;
    vec![
        ("2 GB in 80 bytes", huge.clone(), npy_error, "the file has 0", MIB),
        ("deflate 1000:1", zip64(8, &bomb, promised, 0), npz_error, "x: ", 3 * MIB),
        ("4 TB declared", zip64(8, &deflated(&array), 4 << 40, 0), npz_error, "declares", MIB),
        ("4 TB stored", zip64(0, &array, 4 << 40, 0), npz_error, "contradicts itself", MIB),
        (
            "2 GB promised twice",
            zip64(8, &deflated(&huge), huge_len, 0),
            npz_error,
            "more than",
            MIB,
        ),
        ("an offset of 2^63", zip64(0, &array, len, 1 << 63), npz_error, "contradicts itself", MIB),
        // One byte each in the file, eight in memory.
        ("integers that widen", npy_header("|i1", "(1073741824,)"), npy_error, "2 GiB", MIB),
        ("and too many of them", npy_header("<u2", "(268435457,)"), npy_error, "2 GiB", MIB),
    ]
}

fn pictures() -> Vec<Case> {
    vec![
        ("60000×60000", png(60_000, 60_000, &[]), picture_error, "60000×60000", MIB),
        ("one side too long", png(16_385, 4, &[]), picture_error, "16385×4", MIB),
        ("16384×16384", png(16_384, 16_384, &[]), picture_error, "100000000 in all", MIB),
        ("16384×6000, no pixels", png(16_384, 6000, &[]), picture_error, "can hold", MIB),
    ]
}

#[test]
fn bombs_are_refused_and_cost_little() {
    // The zip builder itself makes valid archives: without its lies, only the checksum of 0 is wrong.
    let array = npy::write_f32(&[2], &[1.0, 2.0]);
    let honest = npz_error(&zip64(0, &array, array.len() as u64, 0)).unwrap();
    assert!(honest.to_lowercase().contains("checksum"), "{honest}");
    for (what, bytes, parse, words, limit) in [gzip_and_idx(), numpy(), pictures()].concat() {
        let region = Region::new(GLOBAL);
        let answer = parse(&bytes);
        let stats = region.change();
        let answer = answer.unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(answer.contains(words), "{what}: {words:?} is not in {answer:?}");
        assert!(stats.bytes_allocated < limit, "{what}: {stats:?} for {answer:?}");
    }
}
