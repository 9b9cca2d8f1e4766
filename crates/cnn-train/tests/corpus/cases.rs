//! Bad inputs that are bytes: idx, gzip, npy, npz, CSV and pictures.

use crate::bytes::{
    Member, array, bomb, deflated, gzip, idx as idx_of, ihdr, npy, picture, png, stored, with, zip,
};
use crate::parsers::Kind;
use crate::{Case, case};
use image::ImageFormat;

pub(crate) fn idx() -> Vec<Case> {
    use Kind::Idx;
    let good = || idx_of(&[2, 3, 4], 24);
    let packed = || gzip(&good());
    let mut named = packed();
    named[3] |= 8;
    named.splice(10..10, std::iter::repeat_n(b'a', 2_000_000).chain([0]));
    let mut extra = packed();
    extra[3] |= 4;
    extra.splice(10..10, [0xFF, 0xFF]);
    let zeros = [good(), vec![0; 100_000_000]].concat();
    let mut all = vec![
        case("empty", Idx, b"", "D010", "0 bytes, but an idx header needs at least 4"),
        case("3 bytes", Idx, [0, 0, 8], "D010", "3 bytes"),
        case("the sizes cut off", Idx, &good()[..10], "D010", "ends at byte 10"),
        case("another magic", Idx, with(good(), 0, 1), "D011", "01 00 08 03"),
        case("a PNG", Idx, picture(ImageFormat::Png), "D011", "PNG"),
        case("a web page", Idx, b"<!DOCTYPE html>", "D011", "HTML"),
        case("a zip", Idx, zip(&[]), "D011", "zip or npz"),
        case("text", Idx, b"label,pixel0\n", "D011", "6c 61 62 65"),
        case("all FF", Idx, [0xFF; 64], "D011", "ff ff ff ff"),
        case("f32", Idx, with(good(), 2, 0x0D), "D011", "f32"),
        case("an unknown type", Idx, with(good(), 2, 0x77), "D011", "0x77"),
        case("no dimensions", Idx, with(good(), 3, 0), "D011", "0 dimensions"),
        case("255 dimensions", Idx, with(good(), 3, 255), "D011", "255 dimensions"),
        case("an overflow", Idx, idx_of(&[u32::MAX; 4], 0), "D011", "more than 2 GiB"),
        case("2 GiB of nothing", Idx, idx_of(&[1 << 31], 0), "D012", "found 0 bytes"),
        case("one byte short", Idx, idx_of(&[2, 3, 4], 23), "D012", "found 23 bytes"),
        case("one byte too many", Idx, idx_of(&[2, 3, 4], 25), "D012", "found 25 bytes"),
        case("a size of 0", Idx, idx_of(&[2, 0, 4], 0), "D011", "a size is 0"),
        case("little-endian", Idx, idx_of(&[0x60EA_0000, 0x1C00_0000], 0), "D011", "little-endian"),
        case("gzip cut in its header", Idx, &packed()[..9], "D020", "ends early"),
        case("gzip of nothing", Idx, gzip(b""), "D010", "0 bytes"),
        case("gzip without a body", Idx, &packed()[..10], "D020", "ends early"),
        case("gzip cut in its trailer", Idx, &packed()[..packed().len() - 3], "D020", "ends early"),
        case("another checksum", Idx, flipped(packed(), 8), "D020", "checksum"),
        case("another length", Idx, flipped(packed(), 4), "D020", ""),
        case("an unknown method", Idx, with(packed(), 2, 7), "D020", "invalid gzip header"),
        case("reserved flags", Idx, with(packed(), 3, 0xE0), "D020", "invalid gzip header"),
        case("a name of 2 MB", Idx, named, "D020", "header field too long"),
        case("an extra field that is not there", Idx, extra, "D020", "ends early"),
        case("garbage behind it", Idx, [packed(), b"junk".to_vec()].concat(), "D022", "4 bytes"),
        case("two members", Idx, [packed(), packed()].concat(), "D022", "follow"),
        case("gzip in gzip", Idx, gzip(&packed()), "D023", "gzip inside gzip"),
        case("a bomb", Idx, gzip(&zeros), "D021", "more than the 40 bytes"),
        case("1 GiB promised in gzip", Idx, gzip(&idx_of(&[1 << 30], 0)), "D012", "found 0 bytes"),
    ];
    // What is promised and is there counts as there, but no more than that.
    let mut large = case(
        "60 MB promised, 50 there",
        Idx,
        gzip(&idx_of(&[60_000_000], 50_000_000)),
        "D012",
        "found 50000000",
    );
    large.inflated = 50_000_000;
    all.push(large);
    all
}

/// The bytes with a bit flipped so many bytes from the end.
fn flipped(mut bytes: Vec<u8>, from_the_end: usize) -> Vec<u8> {
    let at = bytes.len() - from_the_end;
    bytes[at] ^= 1;
    bytes
}

pub(crate) fn numpy() -> Vec<Case> {
    [npy_cases(), npz_cases()].concat_cases()
}

trait Concat {
    fn concat_cases(self) -> Vec<Case>;
}

impl<const N: usize> Concat for [Vec<Case>; N] {
    fn concat_cases(self) -> Vec<Case> {
        self.into_iter().flatten().collect()
    }
}

fn npy_cases() -> Vec<Case> {
    use Kind::Npy;
    let good = || array("<f4", "(2,)", &[0; 8]);
    let dictionary = |text: &str| npy(text, &[0; 8]);
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(0xFFFF_FFF0_u32.to_le_bytes());
    let not_text = npy("{'descr': 'AA'}", &[]);
    let at = not_text.len() - 4;
    vec![
        case("empty", Npy, b"", "D030", "not an npy"),
        case("the magic alone", Npy, b"\x93NUMPY", "D030", "cut off at byte 6"),
        case("the header's length cut", Npy, b"\x93NUMPY\x01\x00\x10", "D030", "cut off"),
        case("version 9", Npy, with(good(), 6, 9), "D030", "version 9.0"),
        case("a header of 4 GB", Npy, long, "D030", "limit is 65535"),
        case("a header beyond the end", Npy, &good()[..30], "D030", "the file has 30"),
        case("no text", Npy, with(not_text, at, 0xFF), "D030", "not text"),
        case("32 GiB in 80 bytes", Npy, array("<f8", "(65536, 65536)", &[]), "D030", "34359738368"),
        case(
            "an overflow",
            Npy,
            array("<f8", "(9223372036854775807, 9223372036854775807)", &[]),
            "D030",
            "2 GiB",
        ),
        case(
            "an overflow of usize",
            Npy,
            array("<f8", "(18446744073709551616,)", &[]),
            "D030",
            "whole number",
        ),
        case("integers that widen", Npy, array("<i2", "(268435457,)", &[]), "D030", "2 GiB"),
        case(
            "zeros and a giant",
            Npy,
            array("<f8", "(0, 18446744073709551615)", &[1]),
            "D032",
            "0 bytes",
        ),
        case("negative", Npy, array("<f4", "(-1,)", &[]), "D030", "negative"),
        case("a fraction", Npy, array("<f4", "(3.5,)", &[]), "D030", "expected"),
        case("a text", Npy, array("<f4", "('a',)", &[]), "D030", "whole number"),
        case("nested", Npy, array("<f4", "((2,),)", &[]), "D030", "whole number"),
        case("9 axes", Npy, array("<f4", "(1,1,1,1,1,1,1,1,1)", &[]), "D030", "8 axes"),
        case("objects", Npy, array("|O", "(1,)", &[]), "D031", "pickle"),
        case("complex", Npy, array("<c8", "(1,)", &[0; 8]), "D031", "<c8"),
        case("a time", Npy, array("<M8[ns]", "(1,)", &[0; 8]), "D031", "M8[ns]"),
        case("escapes in the type", Npy, array("\u{1b}[2J", "(1,)", &[]), "D031", "[2J"),
        case("an unknown order", Npy, array("!f4", "(2,)", &[0; 8]), "D031", "!f4"),
        case("half floats", Npy, array("<f2", "(2,)", &[0; 4]), "D031", "<f2"),
        case("a huge unsigned", Npy, array("<u8", "(1,)", &[0xFF; 8]), "D031", "above"),
        case("a program", Npy, dictionary("__import__('os').system('true')"), "D030", "plain"),
        case(
            "no descr",
            Npy,
            dictionary("{'fortran_order': False, 'shape': (2,)}"),
            "D030",
            "descr",
        ),
        case(
            "no shape",
            Npy,
            dictionary("{'descr': '<f4', 'fortran_order': True}"),
            "D030",
            "shape",
        ),
        case("twice", Npy, dictionary("{'shape': (2,), 'shape': (2,)}"), "D030", "twice"),
        case("another key", Npy, dictionary("{'a': 1}"), "D030", "other than"),
        case("no end", Npy, dictionary("{'descr': '<f4"), "D030", "without an end"),
        case("more behind it", Npy, dictionary("{} {}"), "D030", "goes on"),
        case("64 KB of brackets", Npy, dictionary(&"{".repeat(65_000)), "D030", "expected"),
        case("no values", Npy, array("<f4", "(2,)", &[]), "D032", "the file has 0"),
        case("a byte too many", Npy, array("<f4", "(2,)", &[0; 9]), "D032", "the file has 9"),
        case(
            "a structure",
            Npy,
            dictionary("{'descr': [('a', '<f4')], 'shape': (1,)}"),
            "D030",
            "expected",
        ),
    ]
}

fn npz_cases() -> Vec<Case> {
    use Kind::Npz;
    let one = || array("<f4", "(2,)", &[0; 8]);
    let named = |name: &'static str| zip(&[stored(name, &one())]);
    let zeros = |n: usize| array("|u1", &format!("({n},)"), &vec![0; n]);
    let packed = |name, real: &[u8], size: usize| Member {
        method: 8,
        size: size as u32,
        ..Member { data: deflated(real), ..stored(name, real) }
    };
    let small = array("|u1", "(2,)", &[0; 2]).len();
    let many: Vec<Member> = (0..1100).map(|_| stored("a.npy", b"")).collect();
    // Two members of other names whose bytes are the same.
    let shared = [stored("a.npy", &one()), Member { offset: Some(0), ..stored("b.npy", &one()) }];
    let far = Member { offset: Some(0xFFFF_FF00), ..stored("a.npy", &one()) };
    let endless = [named("a.npy"), b"PK\x05\x06".repeat(2000)].concat();
    let mut all = vec![
        case("empty", Npz, b"", "D040", "not a readable npz"),
        case("no zip", Npz, b"PK\x03\x04 and nothing more", "D040", "not a readable npz"),
        case("an npy", Npz, one(), "D040", "not a readable npz"),
        case("up and away", Npz, named("../../etc/x.npy"), "D040", "odd member name"),
        case("absolute", Npz, named("/x.npy"), "D040", "odd member name"),
        case("a drive", Npz, named("C:\\x.npy"), "D040", "odd member name"),
        case("no name", Npz, named(".npy"), "D040", "odd member name"),
        case("escapes", Npz, named("\u{1b}]0;x\u{7}.npy"), "D040", "odd member name"),
        case("a NUL", Npz, named("x\0.npy"), "D040", "odd member name"),
        case("no array", Npz, named("x.txt"), "D040", "not an .npy array"),
        case("a folder", Npz, named("x/"), "D040", "odd member name"),
        case("twice", Npz, zip(&[stored("x.npy", &one()), stored("x.npy", &one())]), "D040", ""),
        case("1100 members", Npz, zip(&many), "D040", ""),
        case("shared bytes", Npz, zip(&shared), "D040", "contradicts itself"),
        case("far behind the end", Npz, zip(&[far]), "D040", ""),
        case("2000 ends", Npz, endless, "D040", "behind the archive"),
        case(
            "bytes before it",
            Npz,
            [b"#!/bin/sh\n".to_vec(), named("x.npy")].concat(),
            "D040",
            "",
        ),
        case("a byte behind it", Npz, [named("x.npy"), vec![0]].concat(), "D040", ""),
        case(
            "a wrong checksum",
            Npz,
            zip(&[Member { crc: 7, ..stored("x.npy", &one()) }]),
            "D040",
            "damaged",
        ),
        case(
            "an unknown method",
            Npz,
            zip(&[Member { method: 99, ..stored("x.npy", &one()) }]),
            "D040",
            "",
        ),
        case(
            "no npy inside",
            Npz,
            zip(&[stored("x.npy", b"hello, hello, hello")]),
            "D030",
            "x: not an npy",
        ),
        case("nothing inside", Npz, zip(&[stored("x.npy", b"")]), "D030", "x: not an npy"),
        case(
            "more than declared",
            Npz,
            zip(&[packed("x.npy", &zeros(50_000_000), small)]),
            "D040",
            "x: ",
        ),
        case(
            "less than declared",
            Npz,
            zip(&[packed("x.npy", &one(), 4_000_000_000)]),
            "D040",
            "declares",
        ),
        case(
            "2 GB of nothing",
            Npz,
            zip(&[packed("x.npy", &array("|u1", "(2000000000,)", b""), 2_000_000_000)]),
            "D040",
            "declares",
        ),
        case(
            "deflate that is none",
            Npz,
            zip(&[Member { method: 8, ..stored("x.npy", &[0xFF; 40]) }]),
            "D040",
            "damaged",
        ),
    ];
    // A header that promises just what the archive declares, and zeros that end before.
    let promised = array("|u1", "(90000000,)", b"");
    let real = [&promised[..], &vec![0; 40_000_000]].concat();
    let member = packed("x.npy", &real, promised.len() + 90_000_000);
    let mut bomb =
        case("zeros that end early", Npz, zip(&[member]), "D032", "the file has 40000000");
    bomb.inflated = 40_000_000;
    all.push(bomb);
    all
}

pub(crate) fn tables() -> Vec<Case> {
    use Kind::{Csv, CsvFile};
    let long = |field: &str, n: usize| field.repeat(n);
    let mut all = vec![
        case("empty", Csv, b"", "D060", "no line"),
        case("line breaks", Csv, long("\n", 100_000), "D060", "no line"),
        case("names alone", Csv, b"label,a,b\n", "D060", "only a line of names"),
        case("no label", Csv, b"a,b\n1,2\n", "D060", "line 1: expected a column `label`"),
        case("ragged", Csv, b"1,2,3\n1,2\n", "D060", "line 2: expected 3 columns"),
        case("a long line", Csv, b"1,2\n1,2,3\n", "D060", "line 2: expected 2 columns"),
        case("a text", Csv, b"1,2\nshoe,2\n", "D060", "line 2, column 1: expected a label"),
        case("300", Csv, b"1,300\n", "D060", "line 1, column 2: expected a pixel"),
        case("a fraction", Csv, b"1,0.5\n", "D060", "whole number"),
        case("negative", Csv, b"1,-1\n", "D060", "found \"-1\""),
        case("nothing", Csv, b"1,\n", "D060", "found nothing"),
        case("a huge label", Csv, b"65536,1\n", "D060", "0 to 65535"),
        case("semicolons", Csv, b"1;2;3\n", "D060", "separated by commas"),
        case("UTF-16", Csv, b"\xFF\xFE1\0,\x002\0\n\0", "D060", "expected"),
        case("NUL", Csv, b"1,2\n1,\0\n", "D060", "line 2, column 2"),
        case("escapes", Csv, b"1,\x1b[2J\n", "D060", "line 1"),
        case("escapes in a name", Csv, b"label,\x1b]0;x\x07\n1,999\n", "D060", "line 2, column 2"),
        case("an open quote", Csv, b"1,\"2\n1,2\n1,2\n", "D060", "line 1"),
        case("a million columns too many", Csv, long("1,", 3 << 20), "D060", "columns"),
        case("a field of 30 MB", Csv, long("9", 30 << 20), "D060", "line 1"),
        case("quotes alone", Csv, long("\"", 1 << 20), "D060", ""),
        case("a comma a byte, in a name", Csv, long(",", 20 << 20), "D060", "columns"),
        case("a gzip bomb", CsvFile, bomb(&vec![b'0'; 90_000_000]), "D021", "inflates to more"),
        case("gzip cut off", CsvFile, &gzip(b"1,2\n1,3\n")[..12], "D020", "ends early"),
        case("gzip in gzip", CsvFile, gzip(&gzip(b"1,2\n")), "D060", "line 1"),
        case("no square", CsvFile, b"0,1,2\n1,2,3\n0,5,6\n1,7,8\n", "D005", "no square"),
        case("one image", CsvFile, b"0,1\n", "D005", ""),
        case("a PNG", CsvFile, picture(ImageFormat::Png), "D060", "line 1"),
    ];
    let bomb = all.iter_mut().find(|case| case.what == "a gzip bomb").unwrap();
    // As much of it as is inflated before it is refused.
    bomb.inflated = 45_000_000;
    all
}

pub(crate) fn pictures() -> Vec<Case> {
    use Kind::{Folder, Picture};
    let (png_file, jpeg) = (picture(ImageFormat::Png), picture(ImageFormat::Jpeg));
    let size = |w, h, depth, color| png(&[ihdr(w, h, depth, color), (b"IDAT", vec![])]);
    let zlib = |n: usize| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &vec![0; n]).unwrap();
        encoder.finish().unwrap()
    };
    let rows = |n: usize| png(&[ihdr(9, 7, 8, 0), (b"IDAT", zlib(n)), (b"IEND", vec![])]);
    let noted = |kind: &'static [u8; 4], text: Vec<u8>| {
        png(&[ihdr(9, 7, 8, 0), (kind, text), (b"IDAT", zlib(3)), (b"IEND", vec![])])
    };
    let bomb = [b"x\0\0".to_vec(), zlib(100_000_000)].concat();
    let cut = |bytes: &[u8], n: usize| bytes[..bytes.len() - n].to_vec();
    let find = |marker: u8| jpeg.windows(2).position(|two| two == [0xFF, marker]).unwrap();
    let frame = find(0xC0) + 5;
    let sized = |h: u16, w: u16| {
        let mut bytes = jpeg.clone();
        bytes[frame..frame + 4].copy_from_slice(&[h.to_be_bytes(), w.to_be_bytes()].concat());
        bytes
    };
    vec![
        case("empty", Picture, b"", "D050", "the file is empty"),
        case("text", Picture, b"this is no picture", "D050", "not a PNG or JPEG"),
        case("a GIF", Picture, b"GIF89a\xFF\xFF\xFF\xFF\xF7\0\0", "D050", "not a PNG or JPEG"),
        case(
            "a BMP",
            Picture,
            [b"BM".to_vec(), vec![0xFF; 60]].concat(),
            "D050",
            "not a PNG or JPEG",
        ),
        case("a WebP", Picture, b"RIFF\xFF\xFF\xFF\xFFWEBPVP8 ", "D050", "not a PNG or JPEG"),
        case("an SVG", Picture, b"<svg xmlns='http://www.w3.org/2000/svg'/>", "D050", "not a PNG"),
        case("60000×60000", Picture, size(60_000, 60_000, 8, 0), "D050", "60000×60000"),
        case("4 billion wide", Picture, size(u32::MAX >> 1, 1, 8, 0), "D050", "decoded"),
        case("16384×16384", Picture, size(16_384, 16_384, 8, 6), "D050", "100000000 in all"),
        case("no pixels", Picture, size(9, 7, 8, 0), "D050", "decoded"),
        case("0 wide", Picture, size(0, 7, 8, 0), "D050", "decoded"),
        case("12 bits", Picture, size(9, 7, 12, 0), "D050", "decoded"),
        case("a palette that is not there", Picture, size(9, 7, 8, 3), "D050", "decoded"),
        case("half the rows", Picture, rows(35), "D050", "decoded"),
        case("text of 100 MB", Picture, noted(b"zTXt", bomb.clone()), "D050", "decoded"),
        case("a profile of 100 MB", Picture, noted(b"iCCP", bomb), "D050", "decoded"),
        case("a PNG cut off", Picture, cut(&png_file, 30), "D050", "decoded"),
        case("the signature alone", Picture, &png_file[..8], "D050", "decoded"),
        case("a JPEG cut off", Picture, cut(&jpeg, 2), "D050", "end marker"),
        case("a JPEG's first bytes", Picture, &jpeg[..20], "D050", ""),
        case("a JPEG of 65535×65535", Picture, sized(65_535, 65_535), "D050", "65535×65535"),
        case("a JPEG without height", Picture, sized(0, 9), "D050", "decoded"),
        case("JPEG markers alone", Picture, [0xFF, 0xD8, 0xFF].repeat(100), "D050", ""),
        case("empty files in classes", Folder, b"", "D051", "4 of 4 pictures cannot be used"),
        case("text in classes", Folder, b"hello", "D051", "not a PNG or JPEG"),
        case("giants in classes", Folder, size(60_000, 60_000, 8, 0), "D051", "60000×60000"),
        case("halves in classes", Folder, rows(20), "D051", "decoded"),
    ]
}

/// Unusual, and right.
pub(crate) fn odd() -> Vec<(&'static str, Kind, Vec<u8>)> {
    let quoted = b"\xEF\xBB\xBF \"label\" , \"pixel0\"\r\n\r\n\"1\",\" 255 \"\r2,3".to_vec();
    let zero = array("<f4", "(0, 5)", b"");
    vec![
        ("one byte", Kind::Idx, idx_of(&[1], 1)),
        ("stored gzip", Kind::Idx, gzip(&idx_of(&[2, 3, 4], 24))),
        ("big-endian", Kind::Npy, array(">f4", "(2,)", &[0; 8])),
        ("a scalar", Kind::Npy, array("<f8", "()", &[0; 8])),
        ("no values", Kind::Npy, zero.clone()),
        ("none in an archive", Kind::Npz, zip(&[stored("x.npy", &zero)])),
        ("an empty archive", Kind::Npz, zip(&[])),
        ("quotes, blanks and line ends", Kind::Csv, quoted),
        ("a palette's PNG", Kind::Picture, picture(ImageFormat::Png)),
        ("a JPEG in classes", Kind::Folder, picture(ImageFormat::Jpeg)),
    ]
}
