//! `cnn convolve`: the course's filter lab at the command line, and its mistakes.

use crate::support::{cnn, code, snapshot, stdout, transcript};
use std::fs;
use std::path::Path;

/// A picture of 6 × 5 pixels with one edge, as `edge.png`.
fn edge(folder: &Path) {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 6, 5);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..30).map(|i| if i % 6 < 3 { 10 + i / 6 } else { 200 }).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    fs::write(folder.join("edge.png"), bytes).unwrap();
}

fn grey(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    bytes.truncate(info.buffer_size());
    (info.width, info.height, bytes)
}

#[test]
fn a_pixel_by_hand_and_the_pictures() {
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    let text = transcript(
        folder.path(),
        &["convolve", "edge.png", "--trace", "2,1", "--pool", "max", "2"],
    );
    snapshot("convolve-trace", &text);
    for name in ["edge-vertical.svg", "edge-vertical.png"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    snapshot("convolve-again", &transcript(folder.path(), &["convolve", "edge.png"]));
}

#[test]
fn the_course_s_rules_keep_the_border_and_clamp() {
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    let args = [
        "convolve",
        "edge.png",
        "--course",
        "--kernel",
        "laplacian",
        "--trace",
        "0,0",
        "--output-image",
        "bare.png",
    ];
    snapshot("convolve-course", &transcript(folder.path(), &args));
    // By hand: the border is the picture's; inside, up + down + left + right − 4 · pixel, clamped.
    let expected: [u8; 30] = [
        10, 10, 10, 200, 200, 200, //
        11, 0, 189, 0, 0, 200, //
        12, 0, 188, 0, 0, 200, //
        13, 0, 187, 0, 0, 200, //
        14, 14, 14, 200, 200, 200,
    ];
    assert_eq!(grey(&folder.path().join("bare.png")), (6, 5, expected.to_vec()));
}

#[test]
fn kernels_come_by_name_as_text_and_from_files() {
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    fs::write(folder.path().join("mine.txt"), "# two pixels\n-1 1\n").unwrap();
    let run = |kernel: &str, out: &str| {
        let args = ["convolve", "edge.png", "-k", kernel, "--format", "json", "--out", out];
        let output = cnn(folder.path(), &args);
        assert_eq!(code(&output), 0);
        serde_json::from_str::<serde_json::Value>(&stdout(&output)).unwrap()
    };
    let file = run("mine.txt", "a.svg");
    assert_eq!((&file["kernel"], &file["output"]), (&"mine".into(), &serde_json::json!([5, 5])));
    assert_eq!(file["largest"], 190.0);
    assert_eq!(run("-1 1", "b.svg")["largest"], 190.0);
    assert_eq!(run("sobel-x", "c.svg")["largest"], 4.0 * 190.0 - 4.0);
    snapshot("convolve-list", &transcript(folder.path(), &["convolve", "--list"]));
}

#[test]
fn mistakes_are_told_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    fs::write(folder.path().join("no.png"), "this is text").unwrap();
    let cases: [&[&str]; 14] = [
        &["convolve", "no.png"],
        &["convolve", "missing.png"],
        &["convolve"],
        &["convolve", "edge.png", "--kernel", "laplacien"],
        &["convolve", "edge.png", "--kernel", "1 2; 3"],
        &["convolve", "edge.png", "--kernel", "1 x 3"],
        &["convolve", "edge.png", "--kernel", ""],
        &["convolve", "edge.png", "--kernel", "1 1 1 1 1 1 1 1"],
        &["convolve", "edge.png", "--trace", "4,0"],
        &["convolve", "edge.png", "--trace", "four"],
        &["convolve", "edge.png", "--stride", "0"],
        &["convolve", "edge.png", "--pool", "least", "2"],
        &["convolve", "edge.png", "--course", "--pool", "average", "2"],
        &["convolve", "edge.png", "--weight", "nan"],
    ];
    let all: Vec<String> = cases.iter().map(|args| transcript(folder.path(), args)).collect();
    snapshot("convolve-mistakes", &all.join("\n"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing was written: {left:?}");
}
