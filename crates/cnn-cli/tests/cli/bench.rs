//! `cnn bench`. How fast it was is not looked at.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;

const QUICK: [&str; 6] = ["--threads", "1", "--windows", "2", "--window", "2"];

/// Every number as `#`, and the spaces that make room for it as one.
fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        let c = if c.is_ascii_digit() { '#' } else { c };
        let again = plain.ends_with(c) && (c == '#' || c == ' ');
        let point = c == '.' && plain.ends_with('#');
        if !(again || point) {
            plain.push(c);
        }
    }
    plain.replace("##", "#").replace("avx#", "ISA").replace("scalar", "ISA")
}

#[test]
fn the_text_says_what_was_measured_and_where_the_time_goes() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let mut text = String::new();
    for extra in [&["--data", "data/bars"][..], &["--infer", "--batch-size", "1"]] {
        let args = [&["bench", "model.toml"], extra, &QUICK].concat();
        text += &without_numbers(&transcript(folder.path(), &args));
        text += "\n";
    }
    snapshot("bench", &text);
}

#[test]
fn the_numbers_fit_together() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    for extra in [&["--data", "data/bars"][..], &["--infer"], &["--batch-size", "7"]] {
        let args = [&["bench", "model.toml", "--format", "json"], extra, &QUICK].concat();
        let output = cnn(folder.path(), &args);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let number = |key: &str| json[key].as_f64().unwrap_or_else(|| panic!("{key} in {json}"));
        assert_eq!(json["schema"], 1);
        let (low, middle, high) = (
            number("images_per_second_min"),
            number("images_per_second"),
            number("images_per_second_max"),
        );
        assert!(0.0 < low && low <= middle && middle <= high, "{json}");
        let flops = 2.0 * number("macs") * middle;
        assert!((number("gflops") * 1e9 / flops - 1.0).abs() < 1e-9, "{json}");
        assert!(number("peak_gflops") > 0.0 && number("share_of_peak") > 0.0);
        let parts = json["profile"]["parts"].as_array().unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["conv2d + max_pooling2d", "dense"]);
        // 6·6 places, 3·3 taps, 4 filters; 3·3 places of 4 channels to 3 units.
        assert_eq!(parts[0]["macs_forward"], 36 * 9 * 4);
        assert_eq!(parts[0]["macs_backward"], 36 * 9 * 4, "the images have no gradient");
        assert_eq!(parts[1]["macs_backward"], 2 * 36 * 3);
        let infer = extra.contains(&"--infer");
        assert_eq!(json["mode"], if infer { "infer" } else { "train" });
        assert_eq!(json["latency_us"]["p99"].is_f64(), infer);
        assert_eq!(json["windows"].as_array().map(Vec::len), (!infer).then_some(2));
    }
}

#[test]
fn what_cannot_be_measured_is_said() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let wrong: [&[&str]; 4] = [
        &["bench", "modell.toml"],
        &["bench", "model.toml", "--windows", "0"],
        &["bench", "model.toml", "--data", "data/foos"],
        &["bench", "cnn32", "--data", "data/bars"],
    ];
    let text: String = wrong.iter().map(|args| transcript(folder.path(), args) + "\n").collect();
    snapshot("bench-mistakes", &text);
}
