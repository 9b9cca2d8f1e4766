//! CSV files: what is written reads back, every mistake has its line and column, and no bytes end in a panic.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::csv_images::{Table, parse};
use cnn_data::{Images, load, load_as};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// A table as a file, with or without names, its label in the column `at`.
fn write(table: &Table, names: bool, at: usize) -> String {
    let mut text = String::new();
    let line = |label: &str, pixels: Vec<String>| {
        let mut fields = pixels;
        fields.insert(at, label.to_owned());
        fields.join(",") + "\n"
    };
    if names {
        text += &line("label", (0..table.width).map(|i| format!("pixel{i}")).collect());
    }
    for (label, pixels) in table.labels.iter().zip(table.pixels.chunks_exact(table.width)) {
        text += &line(&label.to_string(), pixels.iter().map(u8::to_string).collect());
    }
    text
}

fn tables() -> impl Strategy<Value = Table> {
    (1_usize..6, 1_usize..9).prop_flat_map(|(lines, width)| {
        let labels = prop::collection::vec(0_u32..65_536, lines);
        let pixels = prop::collection::vec(any::<u8>(), lines * width);
        (labels, pixels).prop_map(move |(labels, pixels)| Table { labels, width, pixels })
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(table in tables(), at in 0_usize..9, crlf: bool, bom: bool) {
        for names in [false, true] {
            let at = if names { at.min(table.width) } else { 0 };
            let mut text = write(&table, names, at);
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            if bom {
                text.insert(0, '\u{feff}');
            }
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), table.clone());
        }
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_text_of_numbers_and_commas_gets_an_answer(text in "[0-9,\"\n\r ]{0,120}") {
        if let Ok(table) = parse(text.as_bytes()) {
            prop_assert_eq!(table.pixels.len(), table.labels.len() * table.width);
            prop_assert!(table.width > 0 && !table.labels.is_empty());
        }
    }
}

fn small() -> Table {
    Table {
        labels: vec![3, 0, 12],
        width: 4,
        pixels: vec![0, 255, 17, 4, 9, 80, 200, 1, 5, 6, 7, 88],
    }
}

#[test]
fn a_file_that_is_cut_is_an_error_unless_the_cut_can_not_be_seen() {
    for names in [false, true] {
        let text = write(&small(), names, 0);
        for len in 0..text.len() {
            let Ok(table) = parse(&text.as_bytes()[..len]) else { continue };
            // Whole lines, or a last number that lost its end.
            let whole = table.labels.len();
            assert!(table.width == 4 || (whole == 1 && !names), "cut to {len}: {table:?}");
            if table.width == 4 {
                let n = whole * 4 - 1;
                assert_eq!(table.pixels[..n], small().pixels[..n], "cut to {len}");
                assert_eq!(table.labels, small().labels[..whole], "cut to {len}");
            }
        }
        assert!(parse(&text.as_bytes()[..=text.len() / 2]).is_err());
    }
}

#[test]
fn every_flipped_bit_gives_a_table_of_the_same_size_or_an_error() {
    let text = write(&small(), true, 0);
    let (mut refused, mut total) = (0, 0);
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        total += 1;
        match parse(&bytes) {
            Ok(table) => assert_eq!(table.pixels.len(), table.labels.len() * table.width),
            Err(error) => {
                refused += 1;
                assert_eq!(error.code, "D060");
                assert!(!error.hint.is_empty());
            }
        }
    }
    // The names of pixels may be any; of the rest most flips make no number.
    assert!(refused * 3 > total, "{refused} of {total}");
}

#[test]
fn mistakes_have_their_line_and_column() {
    let cases: [(&str, &str); 17] = [
        (
            "label,p0\r\n1,2\r\n\r\n3,x\r\n",
            "line 4, column 2 (p0): expected a pixel, a whole number from 0 to 255; found \"x\"",
        ),
        ("1,2,3\n1,2\n", "line 2: expected 3 columns as in the first line; found 2"),
        ("1,2,3\n\n1,2,3,4\n", "line 3: expected 3 columns as in the first line; found 4"),
        (
            "1,2,256\n",
            "line 1, column 3: expected a pixel, a whole number from 0 to 255; found \"256\"",
        ),
        (
            "label,p0\n1,-1\n",
            "line 2, column 2 (p0): expected a pixel, a whole number from 0 to 255; found \"-1\"",
        ),
        (
            "label,p0\n1,0.5\n",
            "line 2, column 2 (p0): expected a pixel, a whole number from 0 to 255; found \"0.5\"",
        ),
        (
            "label,p0\n1,x\n",
            "line 2, column 2 (p0): expected a pixel, a whole number from 0 to 255; found \"x\"",
        ),
        (
            "p0,label\n1,\n",
            "line 2, column 2 (label): expected a label, a whole number from 0 to 65535; found nothing",
        ),
        (
            ",0,0\n",
            "line 1, column 1: expected a label, a whole number from 0 to 65535; found nothing",
        ),
        (
            "label,p0\n65536,1\n",
            "line 2, column 1 (label): expected a label, a whole number from 0 to 65535; found \"65536\"",
        ),
        (
            "pixel0,pixel1\n0,0\n",
            "line 1: expected a column `label` among the names; the first is \"pixel0\"",
        ),
        (
            "-1,23,0\n",
            "line 1, column 1: expected a label, a whole number from 0 to 65535; found \"-1\"",
        ),
        (
            "cat,23,0\n",
            "line 1, column 1: expected a label, a whole number from 0 to 65535; found \"cat\"",
        ),
        (
            "1;2;3\n",
            "line 1: expected a label and pixels, separated by commas; found one value, \"1;2;3\"",
        ),
        (
            "<!DOCTYPE html>\n",
            "line 1: expected a label and pixels, separated by commas; found one value, \"<!DOCTYPE html>\"",
        ),
        ("", "the file has no line: expected an image on each line"),
        ("label,p0\n", "the file has only a line of names: expected an image on each line"),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text.as_bytes()).unwrap_err().message, message, "{text:?}");
    }
}

/// `n` images of 2×2 in three classes.
fn lines(n: usize, from: usize) -> String {
    let mut text = String::from("label,pixel0,pixel1,pixel2,pixel3\n");
    for i in from..from + n {
        let _ =
            writeln!(text, "{},{},{},{},{}", i % 3, i % 256, i / 256, i * 7 % 256, 255 - i % 256);
    }
    text
}

fn at(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn two_files_plain_or_gzipped_are_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("mnist_train.csv"), lines(30, 0)).unwrap();
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(lines(9, 30).as_bytes()).unwrap();
    fs::write(path.join("mnist_test.csv.gz"), gz.finish().unwrap()).unwrap();
    let data = load(&at(path), Path::new("nowhere")).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.train.shape()), (30, 9, [2, 2, 1]));
    assert_eq!((data.test.labels[1], data.classes.len(), data.notes.len()), (1, 3, 0));
    let Images::U8(images) = &data.test.images else { panic!("bytes were expected") };
    assert_eq!(images[[1, 1, 0, 0]], 217);
    // A model of another layout gets it where the numbers are as many.
    let long = load_as(&at(path), Path::new("nowhere"), Some([1, 4, 1])).unwrap();
    assert_eq!(long.train.shape(), [1, 4, 1]);
    let error = load(&format!("{},size=3x1x1", at(path)), Path::new("nowhere")).unwrap_err();
    assert!(error.to_string().contains("4 pixels a line, but size=3x1x1 has 3"), "{error}");
    let error = load(&format!("{},test=0.5", at(path)), Path::new("nowhere")).unwrap_err();
    assert!(error.to_string().contains("without a test split"), "{error}");
}

#[test]
fn one_file_gives_a_part_of_every_class_for_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.csv");
    fs::write(&file, lines(60, 0)).unwrap();
    let data = load(&at(&file), Path::new("nowhere")).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (48, 12));
    assert_eq!(data.test.statistics(3).counts, [4, 4, 4]);
    assert!(data.notes[0].contains("12 of 60 images became it"), "{:?}", data.notes);
    let third = load(&format!("{},test=0.3", at(&file)), Path::new("nowhere")).unwrap();
    assert_eq!(third.test.statistics(3).counts, [6, 6, 6]);
    // Lines in another order: the same images are held out.
    let mut mixed: Vec<String> = lines(60, 0).lines().map(str::to_owned).collect();
    mixed[1..].reverse();
    fs::write(&file, mixed.join("\n")).unwrap();
    let again = load(&at(&file), Path::new("nowhere")).unwrap();
    let rows = |split: &cnn_data::Split| {
        let Images::U8(images) = &split.images else { panic!("bytes were expected") };
        let mut rows: Vec<Vec<u8>> =
            images.outer_iter().map(|image| image.iter().copied().collect()).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&data.test), rows(&again.test));
}

#[test]
fn folders_with_the_wrong_files_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let error = |path: &Path| load(&at(path), Path::new("nowhere")).unwrap_err().to_string();
    fs::write(path.join("test.csv"), lines(9, 0)).unwrap();
    assert!(error(path).contains("no train.csv beside it"));
    fs::write(
        path.join("train.csv"),
        lines(9, 0)
            .replace("label,", "label,more,")
            .replace("\n0,", "\n0,1,")
            .replace("\n1,", "\n1,1,")
            .replace("\n2,", "\n2,1,"),
    )
    .unwrap();
    assert!(error(path).contains("4 pixels a line, but 5 in train.csv"), "{}", error(path));
    assert!(error(&path.join("train.csv")).contains("5 pixels a line are no square grey image"));
    fs::write(path.join("a_train.csv"), lines(9, 0)).unwrap();
    assert!(error(path).contains("a_train.csv and train.csv are both there"), "{}", error(path));
    fs::write(path.join("one.csv"), "0,1\n1,1\n").unwrap();
    assert!(error(&path.join("one.csv")).contains("nothing can become the test split"));
}
