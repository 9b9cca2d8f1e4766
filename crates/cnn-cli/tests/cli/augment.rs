//! `cnn augment preview`.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use std::fs;
use std::path::Path;

/// The tiny model behind a flip.
fn augmented(folder: &Path) {
    tiny::write(folder);
    let flip =
        "[[layers]]\ntype = \"RandomFlip\"\nmode = \"horizontal\"\n\n[[layers]]\ntype = \"Conv2D\"";
    let text = tiny::MODEL.replacen("[[layers]]\ntype = \"Conv2D\"", flip, 1);
    fs::write(folder.join("flip.toml"), text).unwrap();
}

const PREVIEW: [&str; 6] = ["augment", "preview", "flip.toml", "--data", "data/bars", "--images"];

#[test]
fn writes_both_pictures_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    augmented(folder.path());
    let args = [&PREVIEW[..], &["0,5", "--count", "3"]].concat();
    snapshot("augment-preview", &transcript(folder.path(), &args));
    let svg = fs::read_to_string(folder.path().join("bars-preview.svg")).unwrap();
    assert_eq!(svg.matches("<image").count(), 2 * (1 + 3), "a row for each image");
    for text in ["RandomFlip", "seed 1", "step 0", "step 2", "each of the steps 0 to 2"] {
        assert!(svg.contains(text), "{text}");
    }
    let png = fs::read(folder.path().join("bars-preview.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    snapshot("augment-preview-again", &transcript(folder.path(), &args));
}

#[test]
fn the_picture_depends_on_the_seed_alone() {
    let folder = tempfile::tempdir().unwrap();
    augmented(folder.path());
    let picture = |seed: &str, out: &str| {
        let args =
            [&PREVIEW[..], &["0,1,2,3", "--seed", seed, "--output", out, "--format", "json"]];
        let output = cnn(folder.path(), &args.concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["layers"], serde_json::json!(["RandomFlip"]));
        assert_eq!(json["files"], serde_json::json!([out]));
        fs::read(folder.path().join(out)).unwrap()
    };
    assert_eq!(picture("7", "a.svg"), picture("7", "b.svg"));
    let images = |svg: Vec<u8>| -> Vec<String> {
        let text = String::from_utf8(svg).unwrap();
        text.lines().filter(|line| line.contains("<image")).map(str::to_owned).collect()
    };
    assert_ne!(images(picture("7", "c.svg")), images(picture("8", "d.svg")));
}

/// mixup and cutmix act before the layers, and are shown with and without any.
#[test]
fn mixed_images_are_shown_with_their_shares() {
    let folder = tempfile::tempdir().unwrap();
    augmented(folder.path());
    let flip = fs::read_to_string(folder.path().join("flip.toml")).unwrap();
    let with = |model: &str, line: &str| model.replace("[fit]\n", &format!("[fit]\n{line}\n"));
    fs::write(folder.path().join("mixed.toml"), with(tiny::MODEL, "mixup = 1.0")).unwrap();
    fs::write(folder.path().join("cut.toml"), with(&flip, "cutmix = 1.0")).unwrap();
    let preview = |model: &str, images: &str| {
        let args = ["augment", "preview", model, "--data", "data/bars", "--images", images];
        let args =
            [&args[..], &["--count", "2", "--output", "p.svg", "--force", "--format", "json"]]
                .concat();
        let output = cnn(folder.path(), &args);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        (json, fs::read_to_string(folder.path().join("p.svg")).unwrap(), stderr(&output))
    };
    let (json, svg, _) = preview("mixed.toml", "0,7,8");
    assert_eq!((&json["mixup"], &json["layers"]), (&1.0.into(), &serde_json::json!([])));
    assert!(
        svg.contains("behind mixup 1<")
            && svg.matches(" % with ").count() + svg.matches(">itself<").count() == 6,
        "{svg}"
    );
    let (json, svg, _) = preview("cut.toml", "0,7,8");
    assert_eq!(json["cutmix"], 1.0);
    assert!(svg.contains("behind cutmix 1, RandomFlip"), "{svg}");
    let (_, svg, note) = preview("mixed.toml", "3");
    assert!(svg.contains(">itself<") && note.contains("no partner"), "{note}");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let folder = tempfile::tempdir().unwrap();
    augmented(folder.path());
    let missing = [&PREVIEW[..], &["0,96"]].concat();
    snapshot("augment-no-such-image", &transcript(folder.path(), &missing));
    let plain = ["augment", "preview", "model.toml", "--data", "data/bars"];
    snapshot("augment-nothing-random", &transcript(folder.path(), &plain));
    let other = ["augment", "preview", "cnn32-augmented", "--data", "data/bars"];
    snapshot("augment-other-size", &transcript(folder.path(), &other));
    let flat = "input = [4]\n[[layers]]\ntype = \"GaussianNoise\"\nstddev = 0.1\n\
                [[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";
    fs::write(folder.path().join("flat.toml"), flat).unwrap();
    let flat = ["augment", "preview", "flat.toml", "--data", "data/bars"];
    snapshot("augment-no-image", &transcript(folder.path(), &flat));
}

/// Augmentation in a whole training: it learns, and the same bits come from any number of threads.
#[test]
fn training_behind_augmentation_is_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    augmented(folder.path());
    let weights = |threads: &str, to: &str| {
        let args = ["train", "flip.toml", "--data", "data/bars", "--threads", threads];
        let output = cnn(folder.path(), &[&args[..], &["--run-dir", to]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        fs::read(folder.path().join(to).join("model.cnn")).unwrap()
    };
    assert_eq!(weights("1", "a"), weights("3", "b"));
}
