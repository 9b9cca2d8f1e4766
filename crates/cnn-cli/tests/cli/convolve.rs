//! `cnn convolve`: the course's filter lab at the command line, and its mistakes.

use crate::support::{cnn, code, snapshot, stdout, transcript};
use std::fs;
use std::path::Path;

/// A picture of 6 × 5 pixels with one edge, as `edge.png`.
fn edge(folder: &Path) {
    let pixels: Vec<u8> = (0..30).map(|i| if i % 6 < 3 { 10 + i / 6 } else { 200 }).collect();
    png(&folder.join("edge.png"), 6, 5, &pixels);
}

fn png(path: &Path, width: u32, height: u32, pixels: &[u8]) {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    fs::write(path, bytes).unwrap();
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

/// The committed golden of the lab's own loops (`data/golden/make_lab.py`), through the program: from a PNG to a PNG.
#[test]
fn the_lab_pixel_for_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/golden/lab.npz");
    let entries = cnn_data::npz::read(path.as_ref()).unwrap();
    let golden = |name: &str| {
        let array = &entries.iter().find(|entry| entry.name == name).unwrap().array;
        array.to_f32()
    };
    let bytes = |name: &str| golden(name).iter().map(|&v| v as u8).collect::<Vec<_>>();
    png(&folder.path().join("crop.png"), 64, 80, &bytes("image"));
    for case in ["laplacian", "horizontal", "vertical", "weighted"] {
        let rows: Vec<String> =
            golden(&format!("{case}/filter")).chunks(3).map(|row| format!("{row:?}")).collect();
        let kernel = rows.join(";").replace(['[', ']'], "");
        let weight = golden(&format!("{case}/weight"))[0].to_string();
        for (part, (w, h)) in [("transformed", (64, 80)), ("pooled", (32, 40))] {
            let mut args = vec!["convolve", "crop.png", "--course", "--force"];
            args.extend(["-k", &kernel, "--weight", &weight, "--output-image", "bare.png"]);
            args.extend(["--pool", "max", "2"].iter().filter(|_| part == "pooled"));
            assert_eq!(code(&cnn(folder.path(), &args)), 0);
            let expected = (w, h, bytes(&format!("{case}/{part}")));
            assert!(grey(&folder.path().join("bare.png")) == expected, "{case} {part}");
        }
    }
}

/// Weights are shown as the numbers that they are: 1/256, not 0.0039.
#[test]
fn the_arithmetic_can_be_followed_with_any_weight() {
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    let args = ["convolve", "edge.png", "-k", "gaussian-5", "--padding", "same", "--bias", "-2.5"];
    let text = transcript(folder.path(), &[&args[..], &["--trace", "2,1"]].concat());
    snapshot("convolve-weight", &text);
}

#[cfg(unix)]
#[test]
fn others_may_read_the_pictures_as_far_as_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    assert_eq!(code(&cnn(folder.path(), &["convolve", "edge.png"])), 0);
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("edge-vertical.svg"), mode("edge.png"));
}

#[test]
fn kernels_come_by_name_as_text_and_from_files() {
    let folder = tempfile::tempdir().unwrap();
    edge(folder.path());
    fs::write(folder.path().join("mine.txt"), "# two pixels\n-1 1\n").unwrap();
    let run = |kernel: &str, out: &str| {
        let args = ["convolve", "edge.png", "-k", kernel, "--format", "json", "--output", out];
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
    let cases: [&[&str]; 26] = [
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
        &["convolve", "edge.png", "--weight", "1e300"],
        &["convolve", "edge.png", "--bias", "inf"],
        &["convolve", "edge.png", "--padding", "-1"],
        &["convolve", "edge.png", "--trace", "-1,3"],
        &["convolve", "edge.png", "--stride", "-1"],
        &["convolve", "edge.png", "--kernel", "sobel"],
        &["convolve", "edge.png", "--kernel", "soble"],
        &["convolve", "edge.png", "--kernel", "no-such-kernel.txt"],
        &["convolve", "edge.png", "--kernel", "1e7"],
        &["convolve", "edge.png", "--output", "after.jpg"],
        &["convolve", "edge.png", "--output", "no/such/folder/after"],
        &["convolve", "edge.png", "--output-image", "bare.jpg"],
    ];
    let all: Vec<String> = cases.iter().map(|args| transcript(folder.path(), args)).collect();
    snapshot("convolve-mistakes", &all.join("\n"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing was written: {left:?}");
}
