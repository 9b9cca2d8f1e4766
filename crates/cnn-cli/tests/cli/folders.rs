//! Folders of pictures and CSV files from training to predictions, splits by class, duplicates and suspects; and what is wrong
//! with such data, one clear error each.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use cnn_data::image_file::grey_png;
use ndarray::ArrayView2;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const CLASSES: [&str; 3] = ["both", "across", "upright"];

/// The tiny data set as folders of PNG files, a folder for each class.
fn write_pictures(folder: &Path, n: usize) {
    let pixels = tiny::pictures(n);
    let pictures = pixels.chunks_exact(tiny::SIDE * tiny::SIDE);
    for (i, (label, picture)) in tiny::labels(n).into_iter().zip(pictures).enumerate() {
        let class = folder.join(CLASSES[usize::from(label)]);
        fs::create_dir_all(&class).unwrap();
        let plane = ArrayView2::from_shape((tiny::SIDE, tiny::SIDE), picture).unwrap();
        fs::write(class.join(format!("{i}.png")), grey_png(&plane).unwrap()).unwrap();
    }
}

/// The tiny data set as CSV, some labels replaced.
fn csv(n: usize, label: impl Fn(usize, u8) -> u8) -> String {
    let mut text = String::from("label");
    for i in 0..tiny::SIDE * tiny::SIDE {
        let _ = write!(text, ",pixel{i}");
    }
    text.push('\n');
    let pixels = tiny::pictures(n);
    let pictures = pixels.chunks_exact(tiny::SIDE * tiny::SIDE);
    for (i, (own, picture)) in tiny::labels(n).into_iter().zip(pictures).enumerate() {
        let _ = write!(text, "{}", label(i, own));
        for pixel in picture {
            let _ = write!(text, ",{pixel}");
        }
        text.push('\n');
    }
    text
}

/// A folder with model.toml, `pictures/{train,test}`, `one/` and `csv/`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    write_pictures(&path.join("pictures/train"), tiny::TRAIN);
    write_pictures(&path.join("pictures/test"), tiny::TEST);
    write_pictures(&path.join("one"), 60);
    fs::create_dir(path.join("csv")).unwrap();
    fs::write(path.join("csv/mnist_train.csv"), csv(tiny::TRAIN, |_, own| own)).unwrap();
    fs::write(path.join("csv/mnist_test.csv"), csv(tiny::TEST, |_, own| own)).unwrap();
    folder
}

fn train<'a>(data: &'a str, run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "model.toml", "--data", data, "--run-dir", run, "--verbose", "0"], more].concat()
}

fn json(folder: &Path, args: &[&str]) -> serde_json::Value {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn csv_trains_to_the_same_bits_as_idx() {
    let folder = folder();
    let path = folder.path();
    for (data, run) in [("data/bars", "a"), ("csv", "b")] {
        let output = cnn(path, &train(data, run, &[]));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let weights = |run: &str| fs::read(path.join(run).join("weights.npz")).unwrap();
    assert!(weights("a") == weights("b"), "the same pixels and labels give the same weights");
    let info = |data| json(path, &["data", "info", data, "--format", "json"]);
    assert_eq!(info("csv")["fingerprint"], info("data/bars")["fingerprint"]);
}

#[test]
fn pictures_train_and_every_command_finds_the_same_split() {
    let folder = folder();
    let path = folder.path();
    let output = cnn(path, &train("pictures", "run", &["--epochs", "8"]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let evaluated = json(path, &["evaluate", "run", "--format", "json"]);
    assert_eq!(evaluated["classes"], serde_json::json!(["across", "both", "upright"]));
    assert!(evaluated["accuracy"].as_f64().unwrap() > 0.9, "{evaluated}");
    // A folder without a test split: training, evaluation and doctor see the same one, resized to the model.
    let one = cnn(path, &train("one,test=0.3", "run2", &["--epochs", "1"]));
    assert_eq!(code(&one), 0, "{}", stderr(&one));
    assert!(stderr(&one).contains("18 of 60 images became it"), "{}", stderr(&one));
    assert_eq!(json(path, &["evaluate", "run2", "--format", "json"])["images"], 18);
    let doctor = cnn(path, &["doctor", "run2"]);
    assert_eq!(code(&doctor), 0, "{}", stderr(&doctor));
    assert!(!stderr(&doctor).contains("is not the data set"), "{}", stderr(&doctor));
    // Another input size.
    let large = tiny::MODEL.replace("[8, 8, 1]", "[12, 10, 3]");
    fs::write(path.join("model.toml"), large).unwrap();
    let output = cnn(path, &train("pictures", "run3", &["--epochs", "1"]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("126 of 126 pictures: resized to 12×10"),
        "{}",
        stderr(&output)
    );
    assert_eq!(code(&cnn(path, &["evaluate", "run3"])), 0);
}

#[test]
fn info_shows_what_there_is() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("one/both/.hidden"), "x").unwrap();
    fs::write(path.join("one/readme.txt"), "x").unwrap();
    snapshot("info-folder", &transcript(path, &["data", "info", "one", "--samples", "s.png"]));
    assert!(path.join("s.png").is_file());
    let twice = transcript(path, &["data", "info", "one", "--samples", "s.png"]);
    assert!(twice.contains("exit code 5"), "{twice}");
}

#[test]
fn duplicates_are_found_within_and_across_the_splits() {
    let folder = folder();
    let path = folder.path();
    // Training: image 90 is image 0 with another label, 91 is image 1. Test: image 0 is training image 5 with its label,
    // image 1 is training image 3 with another.
    let plain = csv(tiny::TRAIN, |_, own| own);
    let lines: Vec<&str> = plain.lines().collect();
    let relabelled = |line: &str| {
        let (label, rest) = line.split_once(',').unwrap();
        format!("{},{rest}", (label.parse::<u8>().unwrap() + 1) % 3)
    };
    let mut training: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    training[91] = relabelled(lines[1]);
    training[92] = lines[2].to_owned();
    fs::write(path.join("csv/mnist_train.csv"), training.join("\n")).unwrap();
    // A last pixel that no training image has.
    let other = csv(tiny::TEST, |_, own| own);
    let ended =
        |(i, line): (usize, &str)| format!("{},{}", line.rsplit_once(',').unwrap().0, 100 + i);
    let mut testing: Vec<String> = other.lines().enumerate().map(ended).collect();
    testing[0] = lines[0].to_owned();
    testing[1] = lines[6].to_owned();
    testing[2] = relabelled(lines[4]);
    fs::write(path.join("csv/mnist_test.csv"), testing.join("\n")).unwrap();
    let text = transcript(path, &["data", "info", "csv"]);
    snapshot("info-duplicates", &text);
    let found = json(path, &["data", "info", "csv", "--format", "json"])["duplicates"].clone();
    assert_eq!(found["train"], serde_json::json!({"repeats": 2, "disagreeing": 2}));
    assert_eq!(found["both"], serde_json::json!({"images": 2, "disagreeing": 1}));
    assert_eq!(found["groups"].as_array().unwrap().len(), 4);
}

#[test]
fn wrong_labels_of_images_that_were_not_learned_are_the_first_suspects() {
    let folder = folder();
    let path = folder.path();
    let wrong = [4, 11, 20];
    let text = csv(tiny::TEST, |i, own| if wrong.contains(&i) { (own + 1) % 3 } else { own });
    fs::write(path.join("csv/mnist_test.csv"), text).unwrap();
    assert_eq!(code(&cnn(path, &train("csv", "run", &["--epochs", "20"]))), 0);
    let args = ["data", "suspects", "run", "--top", "3"];
    let found = json(path, &[&args[..], &["--format", "json", "--output", "s"]].concat());
    let mut places: Vec<u64> = found["suspects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|suspect| {
            assert_ne!(suspect["label"], suspect["predicted"]);
            suspect["index"].as_u64().unwrap()
        })
        .collect();
    places.sort_unstable();
    assert_eq!(places, [4, 11, 20]);
    assert!(path.join("s.svg").is_file() && path.join("s.png").is_file());
    let text = stdout(&cnn(path, &args));
    assert!(
        text.starts_with("3 of 30 test images of csv, by the cross-entropy of their label\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 8, "{text}");
}

#[test]
fn the_folds_of_one_seed_ask_about_every_training_image_once() {
    let folder = folder();
    let path = folder.path();
    let mut seen = Vec::new();
    for fold in ["1/3", "2/3", "3/3"] {
        let run = format!("run{}", &fold[..1]);
        let output = cnn(path, &train("csv", &run, &["--fold", fold, "--epochs", "1"]));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let args =
            ["data", "suspects", &run, "--split", "validation", "--top", "200", "--format", "json"];
        let found = json(path, &args);
        assert_eq!(found["images"], 32);
        seen.extend(
            found["suspects"].as_array().unwrap().iter().map(|s| s["index"].as_u64().unwrap()),
        );
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..tiny::TRAIN as u64).collect::<Vec<_>>());
    let sweep = "name = \"folds\"\nmodel = \"model.toml\"\ndata = \"csv\"\nseeds = [1]\n[grid]\n\"fit.fold\" = [\"1/3\", \"2/3\", \"3/3\"]\n";
    fs::write(path.join("sweep.toml"), sweep).unwrap();
    let table = json(path, &["experiment", "sweep.toml", "--output", "table", "--format", "json"]);
    let rows: Vec<&str> =
        table["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(rows, ["fold=1-3", "fold=2-3", "fold=3-3"]);
    assert_eq!(code(&cnn(path, &train("csv", "plain", &["--epochs", "1"]))), 0);
    let mut text = String::new();
    for args in [
        &["data", "suspects", "plain", "--split", "validation"][..],
        &train("csv", "x", &["--fold", "4/3"]),
        &train("csv", "x", &["--fold", "1/3", "--validation-split", "0.1"]),
        &train("csv", "x", &["--stratified"]),
        &train("csv", "x", &["--fold", "1/97"]),
    ] {
        text += &transcript(path, args);
        text.push('\n');
    }
    snapshot("folds-wrong", &text);
}

/// `hollow`, `single` and `spoilt`: a class without pictures, one class alone, bad files among good ones.
fn spoil_pictures(path: &Path) {
    fs::create_dir_all(path.join("hollow/shoe")).unwrap();
    write_pictures(&path.join("hollow"), 9);
    fs::create_dir_all(path.join("single/shoe")).unwrap();
    fs::copy(path.join("one/both/0.png"), path.join("single/shoe/0.png")).unwrap();
    write_pictures(&path.join("spoilt"), 9);
    let good = fs::read(path.join("spoilt/both/0.png")).unwrap();
    fs::write(path.join("spoilt/both/0.png"), &good[..good.len() / 2]).unwrap();
    fs::write(path.join("spoilt/upright/x.jpg"), "not a picture").unwrap();
}

/// CSV files with one mistake each.
fn spoil_tables(path: &Path) {
    let good = csv(tiny::TRAIN, |_, own| own);
    let table = |name: &str, spoil: &dyn Fn(usize, &str) -> String| {
        let lines = good.lines().take(6).enumerate().map(|(i, line)| spoil(i, line) + "\n");
        fs::write(path.join(name), lines.collect::<Vec<_>>().concat()).unwrap();
    };
    let shorter = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
    let changed = |line: &str, value: &str| shorter(&line.replacen(',', &format!(",{value},"), 1));
    let only = |at: usize, how: &dyn Fn(&str) -> String, i: usize, line: &str| {
        if i == at { how(line) } else { line.to_owned() }
    };
    table("short.csv", &|i, line| only(3, &shorter, i, line));
    table("high.csv", &|i, line| only(2, &|line| changed(line, "256"), i, line));
    table("word.csv", &|i, line| only(4, &|line| changed(line, "grey"), i, line));
    table("unlabelled.csv", &|i, line| only(5, &|line| line[1..].to_owned(), i, line));
    table("nameless.csv", &|i, line| only(0, &|line| line.replace("label", "image"), i, line));
    table("flat.csv", &|_, line| shorter(line));
}

#[test]
fn folders_and_tables_that_are_wrong_are_explained() {
    let folder = folder();
    let path = folder.path();
    spoil_pictures(path);
    spoil_tables(path);
    let mut text = String::new();
    for data in [
        "hollow",
        "single",
        "spoilt",
        "short.csv",
        "high.csv",
        "word.csv",
        "unlabelled.csv",
        "nameless.csv",
        "flat.csv",
        "one,test=2",
        "one,size=8",
        "one,tests=0.3",
        "data/bars,test=0.3",
    ] {
        let answer = transcript(path, &["data", "info", data]);
        assert!(answer.contains("exit code 3"), "{answer}");
        text += &answer;
        text.push('\n');
    }
    // Fewer outputs than classes: before training, and when a trained model is asked.
    let two = tiny::MODEL.replace("units = 3", "units = 2");
    fs::write(path.join("two.toml"), two).unwrap();
    text += &transcript(path, &["train", "two.toml", "--data", "one", "--run-dir", "x"]);
    fs::create_dir_all(path.join("pair")).unwrap();
    for class in ["both", "across"] {
        fs::create_dir_all(path.join("pair").join(class)).unwrap();
        for entry in fs::read_dir(path.join("one").join(class)).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, path.join("pair").join(class).join(from.file_name().unwrap())).unwrap();
        }
    }
    let trained =
        cnn(path, &["train", "two.toml", "--data", "pair", "--run-dir", "two", "--verbose", "0"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    text.push('\n');
    text += &transcript(path, &["data", "suspects", "two", "--data", "one"]);
    snapshot("data-folders-wrong", &text);
}
