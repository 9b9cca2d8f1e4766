//! `cnn report`: the page is whole, its numbers are those of the run, and what cannot be reported is said.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

const TRAIN: [&str; 6] = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];

/// A folder with a data set, and a run on it of the tiny model with `changes` to its text.
fn trained(changes: &[(&str, &str)], more: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let mut model = tiny::MODEL.to_owned();
    for (old, new) in changes {
        assert!(model.contains(old), "{old}");
        model = model.replace(old, new);
    }
    fs::write(folder.path().join("model.toml"), model).unwrap();
    good(folder.path(), &[&TRAIN[..], more].concat());
    folder
}

fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "cnn {}\n{}{}", args.join(" "), stdout(&output), stderr(&output));
    stdout(&output)
}

fn json(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&good(folder, &[args, &["--format", "json"]].concat())).unwrap()
}

fn page(folder: &Path, more: &[&str]) -> String {
    good(folder, &[&["report", "run", "--force"], more].concat());
    fs::read_to_string(folder.join("run/report.html")).unwrap()
}

fn parse(page: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(page, options).unwrap()
}

/// The page's numbers by metric.
fn numbers(page: &str) -> HashMap<String, f64> {
    let document = parse(page);
    let data = document.descendants().filter(|node| node.has_tag_name("data"));
    data.map(|node| {
        let of = |name| node.attribute(name).unwrap();
        (of("data-metric").to_owned(), of("value").parse().unwrap())
    })
    .collect()
}

/// Every number on the page is the one that stands in the place that its metric names. Returns how many there are.
fn compare(folder: &Path, page: &str, evaluate: &[&str]) -> usize {
    let mut documents = HashMap::from([
        (
            "history",
            serde_json::from_slice(&fs::read(folder.join("run/history.json")).unwrap()).unwrap(),
        ),
        ("evaluate", json(folder, &[&["evaluate", "run"], evaluate].concat())),
        ("summary", json(folder, &["summary", "run/model.toml"])),
    ]);
    let found = numbers(page);
    for (metric, value) in &found {
        let (name, pointer) = metric.split_once('/').unwrap();
        let expected = if name == "predict" {
            let (index, pointer) = pointer.split_once('/').unwrap();
            let mut answer: Value = json(folder, &["predict", "run", index]);
            answer["images"][0].pointer_mut(&format!("/{pointer}")).unwrap().take()
        } else {
            let document: &mut Value = documents.get_mut(name).unwrap();
            document.pointer(&format!("/{pointer}")).unwrap_or_else(|| panic!("{metric}")).clone()
        };
        let expected = expected.as_f64().unwrap_or_else(|| panic!("{metric} is no number"));
        // Probabilities of single answers are f32 in both.
        let single = |value: f64| (value as f32).to_bits();
        let same = expected.to_bits() == value.to_bits()
            || (name == "predict" && single(expected) == single(*value));
        assert!(same, "{metric}: the page says {value}, the run {expected}");
    }
    found.len()
}

/// Nothing on the page leads outside.
fn stands_alone(page: &str) {
    for node in parse(page).descendants() {
        for attribute in node.attributes() {
            if ["src", "href", "action", "srcset", "poster"].contains(&attribute.name()) {
                let value = attribute.value();
                assert!(value.starts_with('#') || value.starts_with("data:"), "{value}");
            }
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
}

/// The page's text, one line per heading, paragraph, head of a table, caption and summary; numbers as `#`.
fn skeleton(page: &str) -> String {
    let kept =
        ["h1", "h2", "h3", "p", "dt", "caption", "thead", "summary", "figcaption", "pre", "footer"];
    let mut lines = Vec::new();
    for node in parse(page).descendants().filter(|node| kept.contains(&node.tag_name().name())) {
        let words: Vec<&str> = node
            .descendants()
            .filter_map(|inner| inner.text().filter(|_| inner.is_text()))
            .collect();
        let text = words.join(if node.has_tag_name("thead") { " | " } else { "" });
        let first: String = text.lines().next().unwrap_or_default().chars().take(160).collect();
        let masked: String =
            first.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        let mut line = String::new();
        for c in masked.chars() {
            if !(c == '#' && line.ends_with('#')) {
                line.push(c);
            }
        }
        lines.push(format!("{}: {line}", node.tag_name().name()));
    }
    lines.join("\n") + "\n"
}

#[test]
fn every_number_on_the_page_is_the_run_s() {
    let folder = trained(
        &[("seed = 1", "seed = 1\nvalidation_split = 0.25"), ("epochs = 3", "epochs = 2")],
        &["--eval-train"],
    );
    let told = json(folder.path(), &["report", "run", "--images", "0,7"]);
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert_eq!(told["schema"], 1);
    assert_eq!(told["bytes"], page.len());
    assert_eq!(told["images"], serde_json::json!([0, 7]));
    assert_eq!(told["notes"], serde_json::json!([]));
    let count = compare(folder.path(), &page, &[]);
    // 2 epochs of 6 metrics; matrix 9; classes and means 5 × 4; layers and totals 10; test 2; calibration 3; mistakes.
    assert!(count > 12 + 9 + 20 + 10 + 2 + 3, "{count}");
    let found = numbers(&page);
    for metric in ["history/test/accuracy", "history/history/val_loss/1", "evaluate/ece"] {
        assert!(found.contains_key(metric), "{metric}");
    }
    stands_alone(&page);
    snapshot("report-skeleton", &skeleton(&page));
    // No clock, no chance: the same page again.
    assert_eq!(page, self::page(folder.path(), &["--images", "0,7"]));
}

#[test]
fn any_model_has_a_page() {
    let dense = "[[layers]]\ntype = \"Conv2D\"\nfilters = 4\nkernel_size = 3\nactivation = \"relu\"\n\n[[layers]]\ntype = \"MaxPooling2D\"\n\n";
    let hidden = "[[layers]]\ntype = \"Dense\"\nunits = 5\n\n[[layers]]\ntype = \"Dense\"";
    let loss = "loss = \"sparse_categorical_crossentropy\"";
    let logits = "loss = { type = \"sparse_categorical_crossentropy\", from_logits = true }";
    for (changes, says) in [
        // No convolution: no maps, but units that look at all pixels.
        (vec![(dense, "")], "no convolution and no pooling"),
        // Logits: the page shows probabilities all the same.
        (
            vec![("units = 3\nactivation = \"softmax\"", "units = 3"), (loss, logits)],
            "What the layers see",
        ),
        // A window that sees one pixel has no picture.
        (vec![("kernel_size = 3", "kernel_size = 1")], "Filters"),
        // Hidden units after pooling.
        (vec![("[[layers]]\ntype = \"Dense\"", hidden)], "dense_1"),
    ] {
        let folder = trained(&changes, &[]);
        let page = page(folder.path(), &[]);
        assert!(page.contains(says), "{says}");
        stands_alone(&page);
        compare(folder.path(), &page, &[]);
        let sure = numbers(&page).into_iter().filter(|(metric, _)| metric.contains("probability"));
        assert!(sure.map(|(_, value)| value).all(|value| (0.0..=1.0).contains(&value)));
    }
}

#[test]
fn colour_images_and_wide_ones_have_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let model = tiny::MODEL.replace("input = [8, 8, 1]", "input = [4, 8, 3]");
    fs::write(path.join("model.toml"), model).unwrap();
    for (split, n) in [("train", tiny::TRAIN), ("t10k", tiny::TEST)] {
        let grey = tiny::pictures(n);
        let rgb: Vec<u8> = grey.chunks_exact(2).flat_map(|two| [two[0], two[1], 9]).collect();
        let file = path.join(format!("data/bars/{split}-images-idx3-ubyte"));
        fs::write(file, tiny::idx(&[n, 4, 8, 3], &rgb)).unwrap();
    }
    good(path, &TRAIN);
    let page = page(path, &[]);
    stands_alone(&page);
    compare(path, &page, &[]);
    assert!(page.contains("a colour stands for more of that colour"));
    let document = parse(&page);
    let wide = document.descendants().find(|node| node.attribute("width") == Some("56")).unwrap();
    assert_eq!(wide.attribute("height"), Some("28"), "proportions are kept");
}

#[test]
fn a_run_that_diverged_still_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let wild = tiny::MODEL.replace("learning_rate = 0.01", "learning_rate = 1e30");
    fs::write(path.join("model.toml"), wild).unwrap();
    assert_eq!(code(&cnn(path, &TRAIN)), 7);
    assert!(!path.join("run/model.cnn").exists());
    let output = cnn(path, &["report", "run"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("note: Training diverged"), "{}", stderr(&output));
    let page = fs::read_to_string(path.join("run/report.html")).unwrap();
    for part in ["Training diverged", "No weights were kept", "Repeat it", "conv2d (Conv2D)"] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["Confusion matrix", "Calibration", "NaN</data>"] {
        assert!(!page.contains(part), "{part}");
    }
    stands_alone(&page);
}

#[test]
fn names_are_text_and_never_markup() {
    let evil = "<img src=x onerror=alert(1)>&\\\"'";
    let folder = trained(&[("name = \"bars\"", &format!("name = \"{evil}\""))], &[]);
    let page = page(folder.path(), &["--title", "</title><script>alert(2)</script>"]);
    let document = parse(&page);
    let count = |tag: &str| document.descendants().filter(|node| node.has_tag_name(tag)).count();
    assert_eq!(count("script"), 1, "the page's own");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(document.descendants().all(|node| node.attribute("onerror").is_none()));
    let title = document.descendants().find(|node| node.has_tag_name("h1")).unwrap();
    assert_eq!(title.text(), Some("</title><script>alert(2)</script>"));
}

#[test]
fn other_images_than_the_run_s_are_said() {
    let folder = trained(&[], &["--limit", "9"]);
    let output = cnn(folder.path(), &["report", "run", "--output", "all.html"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = fs::read_to_string(folder.path().join("all.html")).unwrap();
    let note = "Measured here on 30 test images of bars";
    assert!(stderr(&output).contains(note) && page.contains(note), "{}", stderr(&output));
    let page = self::page(folder.path(), &["--limit", "9"]);
    assert!(!page.contains("Measured here"));
    compare(folder.path(), &page, &["--limit", "9"]);
}

#[test]
fn what_cannot_be_reported_is_said() {
    let folder = trained(&[], &[]);
    let path = folder.path();
    good(path, &["report", "run"]);
    let many = (0..25).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    fs::create_dir(path.join("empty")).unwrap();
    fs::create_dir(path.join("begun")).unwrap();
    fs::copy(path.join("run/run.json"), path.join("begun/run.json")).unwrap();
    let mut text = String::new();
    for (args, exit) in [
        (&["run"][..], 5),
        (&["nowhere"], 5),
        (&["run/model.cnn"], 2),
        (&["empty"], 5),
        (&["begun"], 5),
        (&["run", "--force", "--data", "data/nothing"], 3),
        (&["run", "--force", "--images", "0,30"], 2),
        (&["run", "--force", "--images", "one"], 2),
        (&["run", "--force", "--images", &many], 2),
        (&["run", "--output", "no/such/folder/page.html"], 5),
    ] {
        let args = [&["report"], args].concat();
        let answer = transcript(path, &args);
        assert!(answer.contains(&format!("exit code {exit}\n")), "{answer}");
        text += &answer;
        text += "\n";
    }
    fs::remove_file(path.join("run/history.json")).unwrap();
    let answer = transcript(path, &["report", "run", "--force"]);
    assert!(answer.contains("exit code 5\n") && answer.contains("history.json"), "{answer}");
    fs::remove_dir_all(path.join("data/bars")).unwrap();
    let answer = transcript(path, &["report", "run", "--force"]);
    assert!(answer.contains("exit code"), "{answer}");
    snapshot("report-mistakes", &text);
}

/// A run that is trained anew does not keep the page about the old one.
#[test]
fn a_replaced_run_has_no_page() {
    let folder = trained(&[], &[]);
    page(folder.path(), &[]);
    good(folder.path(), &[&TRAIN[..], &["--force"]].concat());
    assert!(!folder.path().join("run/report.html").exists());
}
