//! `cnn explain`: maps with their sanity checks, channels, and its mistakes.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A trained run of the tiny model, whose text `change` may change.
fn trained(change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    fs::write(folder.path().join("model.toml"), change(tiny::MODEL)).unwrap();
    let args = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    good(folder.path(), &args);
    folder
}

/// Without its convolution.
fn dense(text: &str) -> String {
    let (begin, end) = (
        text.find("[[layers]]\ntype = \"Conv2D").unwrap(),
        text.find("[[layers]]\ntype = \"Flatten").unwrap(),
    );
    text[..begin].to_owned() + &text[end..]
}

fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "cnn {}\n{}{}", args.join(" "), stdout(&output), stderr(&output));
    stdout(&output)
}

fn json_of(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&good(folder, &[args, &["--format", "json"]].concat())).unwrap()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one["method"].as_str().unwrap()).collect()
}

const ALL: [&str; 6] =
    ["saliency", "smoothgrad", "grad-cam", "grad-cam++", "integrated-gradients", "occlusion"];

#[test]
fn every_map_of_an_image_comes_with_its_checks() {
    let folder = trained(str::to_owned);
    let found = json_of(folder.path(), &["explain", "run", "3", "--models", "2"]);
    assert_eq!((&found["schema"], &found["model"]), (&json!(1), &json!("bars")));
    let image = &found["images"][0];
    assert_eq!((&image["image"], &image["label"]), (&json!("3"), &json!(0)));
    assert_eq!(image["class"], image["predicted"]);
    let files = ["svg", "png", "svg", "png"].into_iter().zip(["", "", "-curves", "-curves"]);
    let files: Vec<String> = files.map(|(end, what)| format!("explain-3{what}.{end}")).collect();
    assert_eq!(image["files"], json!(files));
    assert!(files.iter().all(|file| folder.path().join(file).is_file()));

    let methods = &image["methods"];
    assert_eq!(names(methods), ALL);
    let number = |value: &Value| value.as_f64().unwrap();
    for method in methods.as_array().unwrap() {
        let map: Vec<Vec<f64>> = serde_json::from_value(method["map"].clone()).unwrap();
        assert!(map.len() == 8 && map.iter().all(|row| row.len() == 8), "{}", method["method"]);
        let sanity = &method["sanity"];
        assert!((-1.0..=1.0).contains(&number(&sanity["likeness"]["spearman"])));
        assert_eq!(sanity["random_models"], 2);
        let layers: Vec<&str> = sanity["cascade"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["layer"].as_str().unwrap())
            .collect();
        assert_eq!(layers, ["dense", "conv2d"]);
        assert_eq!(sanity["curves"]["deletion"].as_array().unwrap().len(), 29);
        assert!((0.0..=1.0).contains(&number(&sanity["curves"]["insertion_area"])));
        let layer = if method["method"].as_str().unwrap().starts_with("grad-cam") {
            json!("conv2d")
        } else {
            Value::Null
        };
        assert_eq!(method["layer"], layer);
    }
    assert!(number(&methods[4]["completeness"]["error"]) <= 0.01, "{}", methods[4]["completeness"]);
    assert!(number(&image["references"]["random"]["deletion_area"]) > 0.0);

    // Nothing is overwritten, and nothing was random.
    let again = transcript(folder.path(), &["explain", "run", "3"]);
    assert!(again.contains("exit code 5") && again.contains("explain-3.svg"), "{again}");
    assert_eq!(json_of(folder.path(), &["explain", "run", "3", "--models", "2", "--force"]), found);
    let text = good(folder.path(), &["explain", "run", "3", "--force"]);
    for word in [
        "alike   ssim  deletion  insertion",
        "grad-cam conv2d ",
        "random order ",
        "strongest pixels",
        "completeness error",
        "explain-3-curves.png",
    ] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    let svg = fs::read_to_string(folder.path().join("explain-3.svg")).unwrap();
    assert_eq!(
        svg.matches("<image").count(),
        1 + 2 * 6 + 2,
        "the picture, two for each map, two scales"
    );
    assert!(svg.contains("test image 3") && svg.contains("Grad-CAM++"));
}

#[test]
fn methods_class_layer_and_files_can_be_chosen() {
    let folder = trained(str::to_owned);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    let bytes = &tiny::pictures(1);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    fs::write(folder.path().join("bar.png"), png).unwrap();
    let args = [
        "explain",
        "run",
        "bar.png",
        "0",
        "--class",
        "2",
        "--layer",
        "pool",
        "--no-sanity",
        "--output",
        "why.svg",
    ];
    let methods =
        ["--method", "grad-cam,occlusion", "--method", "integrated-gradients", "--steps", "7"];
    let found = json_of(folder.path(), &[&args[..], &methods, &["--baseline", "0.5"]].concat());
    for (image, file) in [(0, "why-bar.svg"), (1, "why-0.svg")] {
        let image = &found["images"][image];
        assert_eq!(names(&image["methods"]), ["grad-cam", "occlusion", "integrated-gradients"]);
        assert_eq!(image["methods"][0]["layer"], "max_pooling2d");
        assert_eq!(image["methods"][2]["completeness"]["steps"], 7);
        assert_eq!((&image["class"], &image["files"]), (&json!(2), &json!([file])));
        assert_eq!(
            (&image["methods"][0]["sanity"], &image["references"]),
            (&Value::Null, &Value::Null)
        );
    }
    // A baseline that is the image leaves nothing to share out.
    let same = [
        "explain",
        "run",
        "bar.png",
        "--method",
        "integrated-gradients",
        "--baseline",
        "bar.png",
        "--no-sanity",
    ];
    let found = json_of(folder.path(), &same);
    let complete = &found["images"][0]["methods"][0]["completeness"];
    assert_eq!((&complete["sum"], &complete["error"]), (&json!(0.0), &json!(0.0)));
}

#[test]
fn a_dense_model_has_no_class_activation_map_and_all_the_rest() {
    let folder = trained(dense);
    let output = cnn(folder.path(), &["explain", "run", "1", "--format", "json"]);
    assert_eq!(
        stderr(&output),
        "note: grad-cam and grad-cam++ are left out: the model has no layer with maps\n"
    );
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let without: Vec<&str> = ALL.into_iter().filter(|name| !name.starts_with("grad")).collect();
    assert_eq!(names(&found["images"][0]["methods"]), without);
    let cases: [&[&str]; 2] = [
        &["explain", "run", "1", "--method", "grad-cam", "--output", "cam"],
        &["explain", "run", "1", "--method", "grad-cam++", "--layer", "dense", "--output", "cam"],
    ];
    let all: Vec<String> = cases.iter().map(|args| transcript(folder.path(), args)).collect();
    snapshot("explain-no-maps", &all.join("\n"));

    let found = json_of(folder.path(), &["explain", "run"]);
    assert_eq!((&found["channels"]["layer"], &found["images"]), (&json!("dense"), &json!([])));
    assert_eq!(found["channels"]["channels"].as_array().unwrap().len(), 3);
}

#[test]
fn channels_get_images_that_drive_them() {
    let folder = trained(str::to_owned);
    let args = ["explain", "run", "--layer", "conv2d", "--channels", "3,0-1,0"];
    let found = json_of(folder.path(), &args);
    let channels = found["channels"]["channels"].as_array().unwrap();
    let order: Vec<u64> = channels.iter().map(|one| one["channel"].as_u64().unwrap()).collect();
    assert_eq!((order, &found["channels"]["test_images"]), (vec![3, 0, 1], &json!(tiny::TEST)));
    for one in channels {
        assert_eq!(one["image"].as_array().unwrap().len(), 64);
        let reached = one["activation"].as_f64().unwrap();
        assert!(reached >= one["sanity"]["random_images"].as_f64().unwrap(), "{one}");
    }
    let text = good(folder.path(), &[&args[..], &["--force"]].concat());
    assert!(text.starts_with("conv2d (Conv2D): 3 of 4 channels, mean activation"), "{text}");
    assert!(text.ends_with("explain-channels.svg\nexplain-channels.png\n"), "{text}");

    // Without its data set a model file is compared with random images.
    fs::rename(folder.path().join("run/model.cnn"), folder.path().join("alone.cnn")).unwrap();
    let alone =
        cnn(folder.path(), &["explain", "alone.cnn", "--output", "alone.png", "--format", "json"]);
    assert!(stderr(&alone).contains("compared with random images only"), "{}", stderr(&alone));
    let found: Value = serde_json::from_str(&stdout(&alone)).unwrap();
    assert_eq!(found["channels"]["channels"][0]["sanity"]["test_images"], Value::Null);
}

#[test]
fn mistakes_are_told_one_by_one() {
    let folder = trained(str::to_owned);
    fs::write(folder.path().join("no.png"), "this is text").unwrap();
    fs::write(folder.path().join("there.svg"), "mine").unwrap();
    let cases: [&[&str]; 22] = [
        &["explain"],
        &["explain", "nowhere", "3"],
        &["explain", "run", "30"],
        &["explain", "run", "no.png"],
        &["explain", "run", "missing.png"],
        &["explain", "run", "3", "--method", "gradcam"],
        &["explain", "run", "3", "--class", "3"],
        &["explain", "run", "3", "--class", "bag"],
        &["explain", "run", "3", "--layer", "conv2"],
        &["explain", "run", "3", "--layer", "all"],
        &["explain", "run", "3", "--layer", "dense"],
        &["explain", "run", "3", "--method", "saliency", "--layer", "conv2d"],
        &["explain", "run", "3", "--channels", "1"],
        &["explain", "run", "3", "--method", "filter-maximisation"],
        &["explain", "run", "--method", "saliency"],
        &["explain", "run", "--class", "1"],
        &["explain", "run", "--channels", "4"],
        &["explain", "run", "--channels", "3-1"],
        &["explain", "run", "3", "--steps", "0"],
        &["explain", "run", "3", "--baseline", "2"],
        &["explain", "run", "3", "3"],
        &["explain", "run", "3", "--output", "there.svg"],
    ];
    let all: Vec<String> = cases.iter().map(|args| transcript(folder.path(), args)).collect();
    snapshot("explain-mistakes", &all.join("\n"));
    let pictures = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("explain")
    });
    assert_eq!(pictures.count(), 0, "nothing was written");
}

/// What Keras trained: a model.toml, its weights in an .npz, and a data set that names the classes.
#[test]
fn a_model_with_the_weights_of_an_npz_is_explained_as_its_run_is() {
    let folder = trained(str::to_owned);
    let saliency = ["--method", "saliency", "--no-sanity"];
    let run = json_of(folder.path(), &[&["explain", "run", "4"][..], &saliency].concat());
    let model =
        ["explain", "model.toml", "--weights", "run/weights.npz", "4", "--data", "data/bars"];
    let args = [&model[..], &["--class", "1", "--output", "b.png"], &saliency].concat();
    let found = json_of(folder.path(), &args);
    assert_eq!(found["images"][0]["class"], 1);
    let same = [&model[..], &["--force"], &saliency].concat();
    assert_eq!(json_of(folder.path(), &same)["images"][0]["methods"], run["images"][0]["methods"]);
    let none = transcript(folder.path(), &["explain", "model.toml", "4"]);
    assert!(none.contains("this is a model without weights"), "{none}");
}

/// A model whose input has no axis of channels.
#[test]
fn an_input_without_channels_is_explained_too() {
    let folder = trained(|text| dense(text).replace("input = [8, 8, 1]", "input = [8, 8]"));
    let found = json_of(folder.path(), &["explain", "run", "2", "--method", "saliency"]);
    assert_eq!(found["images"][0]["methods"][0]["map"].as_array().unwrap().len(), 8);
}
