//! `cnn activations`: numbers equal to Keras's, pictures, previews, and mistakes.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A folder with the data set, the model and a run of it.
fn trained() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let args = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    assert_eq!(code(&cnn(folder.path(), &args)), 0);
    folder
}

fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
    stdout(&output)
}

fn json(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&good(folder, &[args, &["--format", "json"]].concat())).unwrap()
}

/// An RGB or grey picture file of these bytes.
fn write_png(path: &Path, [h, w, c]: [usize; 3], bytes: &[u8]) {
    let file = fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, w as u32, h as u32);
    encoder.set_color(if c == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
}

type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn arrays(path: &Path) -> Arrays {
    let entries = cnn_data::npz::read(path).unwrap().into_iter();
    entries.map(|e| (e.name, (e.array.shape.clone(), e.array.to_f32()))).collect()
}

/// `model.toml`, `keras.npz` and `0.png` … of Keras's golden; its outputs.
fn keras(folder: &Path) -> Arrays {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/activations.npz");
    let all = arrays(&golden);
    let text: Vec<u8> = all["toml"].1.iter().map(|&byte| byte as u8).collect();
    fs::write(folder.join("model.toml"), text).unwrap();
    let weights: Vec<(&str, &[usize], &[f32])> = all
        .iter()
        .filter_map(|(name, (shape, values))| {
            Some((name.strip_prefix("weights/")?, &shape[..], &values[..]))
        })
        .collect();
    cnn_data::npz::write(fs::File::create(folder.join("keras.npz")).unwrap(), &weights).unwrap();
    let (shape, pixels) = &all["images"];
    let bytes: Vec<u8> = pixels.iter().map(|&byte| byte as u8).collect();
    for (i, image) in bytes.chunks_exact(shape[1..].iter().product()).enumerate() {
        write_png(&folder.join(format!("{i}.png")), [shape[1], shape[2], shape[3]], image);
    }
    let outputs = all.into_iter();
    outputs.filter_map(|(name, of)| Some((name.strip_prefix("outputs/")?.to_owned(), of))).collect()
}

/// The goldens' tolerance, a tenth of 1e-4.
fn assert_close(what: &str, ours: &[f32], keras: &[f32]) {
    assert_eq!(ours.len(), keras.len(), "{what}");
    let scale = keras.iter().fold(1.0f32, |max, v| max.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(keras).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{what}[{i}]: ours {a}, Keras {b}");
    }
}

const KERAS: [&str; 8] = [
    "activations",
    "model.toml",
    "--weights",
    "keras.npz",
    "--images",
    "0.png,1.png",
    "--images",
    "2.png",
];

#[test]
fn a_keras_model_s_weights_give_keras_s_activations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let keras = keras(path);
    let more = ["--layers", "all", "--save-values", "out.npz", "--values", "--all-channels"];
    let object = json(path, &[&KERAS[..], &more].concat());
    let ours = arrays(&path.join("out.npz"));
    assert_eq!(ours.keys().collect::<Vec<_>>(), keras.keys().collect::<Vec<_>>());
    for (name, (shape, values)) in &keras {
        assert_eq!(&ours[name].0, shape, "{name}");
        assert_close(name, &ours[name].1, values);
        for (at, expected) in values.chunks_exact(values.len() / 3).enumerate() {
            let layers = object["images"][at]["layers"].as_array().unwrap();
            let layer = layers.iter().find(|layer| layer["layer"] == **name).unwrap();
            assert_close(name, &flat(&layer["values"]), expected);
        }
    }
    assert_eq!(object["files"], serde_json::json!(["out.npz"]), "json writes no picture unasked");
}

fn flat(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(list) => list.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

#[test]
fn one_channel_is_told_with_its_range_and_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let keras = keras(path);
    let object = json(
        path,
        &[&KERAS[..], &["--layers", "1,conv2d_1", "--channel", "4", "--values"]].concat(),
    );
    for (name, at) in [("conv2d", 0), ("conv2d_1", 1)] {
        let (shape, values) = &keras[name];
        let size: usize = shape[1..].iter().product();
        let channel: Vec<f32> =
            values[size..2 * size].iter().skip(4).step_by(shape[3]).copied().collect();
        let layer = &object["images"][1]["layers"][at];
        assert_eq!((&layer["layer"], &layer["channel"]), (&name.into(), &4.into()));
        assert_eq!(layer["shape"], serde_json::json!(shape[1..]));
        assert_eq!(layer["values"].as_array().unwrap().len(), shape[1], "rows of the map");
        assert_close(name, &flat(&layer["values"]), &channel);
        let number = |key: &str| layer[key].as_f64().unwrap() as f32;
        let low = channel.iter().copied().fold(f32::INFINITY, f32::min);
        let high = channel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mean = channel.iter().sum::<f32>() / channel.len() as f32;
        let zeros = channel.iter().filter(|v| **v == 0.0).count() as f32 / channel.len() as f32;
        assert_close(name, &["min", "max", "mean", "zeros"].map(number), &[low, high, mean, zeros]);
    }
}

#[test]
fn the_picture_has_a_row_for_each_image_and_a_column_for_each_layer() {
    let folder = trained();
    let path = folder.path();
    snapshot("activations", &transcript(path, &["activations", "run"]));
    let svg = fs::read_to_string(path.join("bars-activations.svg")).unwrap();
    assert_eq!(svg.matches("<image").count(), 3 * (1 + 2), "three images, two layers");
    for text in ["conv2d", "6 × 6 × 4", "max_pooling2d", "0: 0", "28: 1", "channel 1: "] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    let png = fs::read(path.join("bars-activations.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    snapshot("activations-again", &transcript(path, &["activations", "run"]));

    let args =
        ["activations", "run", "--layers", "conv,dense", "--all-channels", "--scale", "picture"];
    good(path, &[&args[..], &["--images", "5", "--output", "all.svg"]].concat());
    let svg = fs::read_to_string(path.join("all.svg")).unwrap();
    for text in ["4 channels: ", "3 numbers: ", "All cells share their colours."] {
        assert!(svg.contains(text), "{text}");
    }
    assert_eq!(svg.matches("<image").count(), 1 + 2 + 1, "the last is the colour bar");
}

#[test]
fn pictures_come_from_files_and_positions_together() {
    let folder = trained();
    let path = folder.path();
    let first = &tiny::pictures(1)[..];
    write_png(&path.join("bar.png"), [8, 8, 1], first);
    let object = json(path, &["activations", "run", "--images", "0,bar.png", "--values"]);
    let images = object["images"].as_array().unwrap();
    assert_eq!(
        (&images[0]["image"], &images[0]["label"], &images[0]["class"]),
        (&"0".into(), &0.into(), &"0".into())
    );
    assert_eq!((&images[1]["image"], &images[1]["label"]), (&"bar.png".into(), &Value::Null));
    assert_eq!(images[0]["layers"], images[1]["layers"], "the file is the test image");
}

#[test]
fn a_preview_is_text_and_leaves_no_file() {
    let folder = trained();
    let path = folder.path();
    let args = ["activations", "run", "--images", "4", "--layers", "conv,dense", "--preview"];
    let text = transcript(path, &args);
    for part in ["image", "4: 1", "channel 1: ", "dense", "3 numbers: ", "@"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let pictures = |path: &Path| {
        let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains("activations")).count()
    };
    assert_eq!(pictures(path), 0);
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
        for name in ["COLORTERM", "TERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CNN_ISA"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).args(["--color", "always"]).args(args);
        String::from_utf8(command.current_dir(path).output().unwrap().stdout).unwrap()
    };
    let rich = coloured(&[("COLORTERM", "truecolor")]);
    assert!(rich.contains("\u{1b}[38;2;") && rich.contains('▀'), "{rich}");
    let indexed = coloured(&[("TERM", "xterm-256color")]);
    assert!(indexed.contains("\u{1b}[38;5;") && !indexed.contains("38;2;"), "{indexed}");
}

#[test]
fn mistakes_are_told_one_by_one() {
    let folder = trained();
    let path = folder.path();
    fs::write(path.join("no.png"), "this is text").unwrap();
    let flat = tiny::MODEL.replace("[[layers]]\ntype = \"Conv2D\"\nfilters = 4\nkernel_size = 3\nactivation = \"relu\"\n\n[[layers]]\ntype = \"MaxPooling2D\"\n", "");
    fs::write(path.join("flat.toml"), flat).unwrap();
    let train = ["train", "flat.toml", "--data", "data/bars", "--run-dir", "flat"];
    good(path, &train);
    let many = vec!["0"; 65].join(",");
    let before = fs::read_dir(path).unwrap().count();
    let cases: [&[&str]; 14] = [
        &["activations", "nowhere"],
        &["activations", "model.toml"],
        &["activations", "run", "--images", "no.png"],
        &["activations", "run", "--images", "missing.png"],
        &["activations", "run", "--images", "30"],
        &["activations", "run", "--layers", "max_poling2d"],
        &["activations", "run", "--layers", "conv,9"],
        &["activations", "run", "--channel", "4"],
        &["activations", "run", "--channel", "-1"],
        &["activations", "run", "--channel", "1", "--all-channels"],
        &["activations", "flat"],
        &["activations", "run", "--preview", "--format", "json"],
        &["activations", "run", "--save-values", "no.png"],
        &["activations", "model.toml", "--weights", "run/weights.npz"],
    ];
    let mut all: Vec<String> = cases.iter().map(|args| transcript(path, args)).collect();
    let answer = transcript(path, &["activations", "run", "--images", &many]);
    all.push(answer.lines().skip(1).collect::<Vec<_>>().join("\n"));
    snapshot("activations-mistakes", &all.join("\n"));
    assert_eq!(fs::read_dir(path).unwrap().count(), before, "nothing was written");
}

#[test]
fn a_model_without_convolutions_shows_its_dense_layers() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let path = folder.path();
    let model = "name = \"plain\"\ninput = [8, 8]\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 20\n\
                 activation = \"relu\"\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";
    fs::write(path.join("plain.toml"), model).unwrap();
    good(path, &["train", "plain.toml", "--data", "data/bars", "--run-dir", "run"]);
    let object = json(
        path,
        &["activations", "run", "--layers", "Dense", "--values", "--output", "plain.svg"],
    );
    let layers = &object["images"][0]["layers"];
    assert_eq!(layers[0]["values"].as_array().unwrap().len(), 20);
    let sum: f32 = flat(&layers[1]["values"]).iter().sum();
    assert!((sum - 1.0).abs() < 1e-5, "{layers}");
    assert!(fs::read_to_string(path.join("plain.svg")).unwrap().contains("20 numbers: "));
}
