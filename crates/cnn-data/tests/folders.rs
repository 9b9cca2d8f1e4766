//! Folders of class folders: what is read, in which order, how it is resized, and what is wrong.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::{DataError, Dataset, Images, load, load_as};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

fn gray(path: &Path, side: u32, value: impl Fn(u32, u32) -> u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_fn(side, side, |x, y| Luma([value(x, y)])).save(path).unwrap();
}

/// `n` different pictures of 6×6 in each of the classes.
fn write(folder: &Path, classes: &[&str], n: usize) {
    for (class, name) in classes.iter().enumerate() {
        for i in 0..n {
            gray(&folder.join(format!("{name}/{i}.png")), 6, |x, y| {
                (x * 7 + y * 31 + (i * 13 + class * 50) as u32) as u8
            });
        }
    }
}

fn read(folder: &Path) -> Result<Dataset, DataError> {
    load(folder.to_str().unwrap(), Path::new("nowhere"))
}

fn pixels(split: &cnn_data::Split) -> Vec<u8> {
    let Images::U8(images) = &split.images else { panic!("bytes were expected") };
    images.iter().copied().collect()
}

#[test]
fn train_and_test_folders_are_the_splits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(&path.join("train"), &["b", "a", "c"], 7);
    write(&path.join("test"), &["c", "b"], 2);
    fs::write(path.join("train/a/.DS_Store"), "x").unwrap();
    fs::write(path.join("train/a/notes.txt"), "x").unwrap();
    fs::create_dir(path.join("train/.git")).unwrap();
    fs::create_dir(path.join("test/b/more")).unwrap();
    let data = read(path).unwrap();
    assert_eq!(data.classes, ["a", "b", "c"]);
    assert_eq!((data.train.len(), data.test.len(), data.train.shape()), (21, 4, [6, 6, 1]));
    assert_eq!(data.train.statistics(3).counts, [7, 7, 7]);
    assert_eq!(data.test.statistics(3).counts, [0, 2, 2]);
    for (file, label) in data.train.files_of(&data, 0) {
        assert!(file.starts_with(["train/a/", "train/b/", "train/c/"][label as usize]), "{file}");
    }
    assert_eq!(
        data.notes,
        [
            "passed over: 1 hidden file, 1 file without the ending .png, .jpg or .jpeg, 1 folder inside class folders"
        ]
    );
}

/// Files with their labels.
trait FilesOf {
    fn files_of<'a>(&self, data: &'a Dataset, part: usize) -> Vec<(&'a str, u32)>;
}

impl FilesOf for cnn_data::Split {
    fn files_of<'a>(&self, data: &'a Dataset, part: usize) -> Vec<(&'a str, u32)> {
        assert_eq!(data.files[part].len(), self.len());
        data.files[part].iter().map(String::as_str).zip(self.labels.iter().copied()).collect()
    }
}

#[test]
fn names_and_the_order_of_writing_do_not_matter() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path(), &["a", "b"], 20);
    for class in ["b", "a"] {
        for i in (0..20).rev() {
            let bytes = fs::read(one.path().join(format!("{class}/{i}.png"))).unwrap();
            let to = other.path().join(class);
            fs::create_dir_all(&to).unwrap();
            fs::write(to.join(format!("other-{}.png", i * 17 % 20)), bytes).unwrap();
        }
    }
    let (one, other) = (read(one.path()).unwrap(), read(other.path()).unwrap());
    assert_eq!(one.fingerprint, other.fingerprint);
    assert_eq!(one.test.statistics(2).counts, [4, 4]);
    assert!(
        one.notes[0].contains("8 of 40 images became it, 0.2 of every class;"),
        "{:?}",
        one.notes
    );
    // Mixed: the last tenth, which Keras's validation_split takes, is not of one class.
    assert!(one.train.labels.windows(2).filter(|pair| pair[0] != pair[1]).count() > 8);
}

#[test]
fn equal_pictures_stay_on_one_side() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["a", "b"], 10);
    for i in 0..10 {
        fs::copy(
            folder.path().join(format!("a/{i}.png")),
            folder.path().join(format!("a/copy{i}.png")),
        )
        .unwrap();
    }
    let data = read(folder.path()).unwrap();
    let size = 36;
    let (train, test) = (pixels(&data.train), pixels(&data.test));
    let twins = test.chunks(size).filter(|image| train.chunks(size).any(|other| other == *image));
    assert_eq!(twins.count(), 0);
    assert_eq!(data.test.statistics(2).counts, [4, 2]);
}

/// The triangle filter straight from its definition, in f64: the mean of the old pixels under a triangle that is as wide as
/// two new pixels, or two old ones where the picture grows.
fn triangle(old: &[f64], n: usize) -> Vec<f64> {
    let ratio = old.len() as f64 / n as f64;
    let scale = ratio.max(1.0);
    (0..n)
        .map(|i| {
            let middle = (i as f64 + 0.5) * ratio;
            let weights = |j: usize| (1.0 - ((j as f64 + 0.5 - middle) / scale).abs()).max(0.0);
            let sum: f64 = (0..old.len()).map(weights).sum();
            old.iter().enumerate().map(|(j, v)| v * weights(j) / sum).sum()
        })
        .collect()
}

#[test]
fn pictures_are_resized_by_a_triangle_filter_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let value = |x: u32, y: u32| (x * x * 3 + y * 17 + x * y) as u8;
    for class in ["a", "b"] {
        for i in 0..2 {
            gray(&folder.path().join(format!("train/{class}/{i}.png")), 23, |x, y| {
                value(x, y) ^ (i as u8)
            });
            gray(&folder.path().join(format!("test/{class}/{i}.png")), 5, value);
        }
    }
    let data =
        load_as(folder.path().to_str().unwrap(), Path::new("nowhere"), Some([9, 8, 1])).unwrap();
    assert_eq!(data.train.shape(), [9, 8, 1]);
    assert!(
        data.notes.iter().any(|note| note == "8 of 8 pictures: resized to 9×8"),
        "{:?}",
        data.notes
    );
    let old: Vec<Vec<f64>> =
        (0..5).map(|y| (0..5).map(|x| f64::from(value(x, y))).collect()).collect();
    let wide: Vec<Vec<f64>> = old.iter().map(|row| triangle(row, 8)).collect();
    for x in 0..8 {
        let column: Vec<f64> = wide.iter().map(|row| row[x]).collect();
        for (y, expected) in triangle(&column, 9).into_iter().enumerate() {
            let found = f64::from(pixels(&data.test)[y * 8 + x]);
            assert!((found - expected).abs() <= 0.51, "{y} {x}: {found}, expected {expected}");
        }
    }
    // Smaller, and the bits themselves: whoever changes the filter sees it here.
    let all = pixels(&data.train);
    let mut images: Vec<&[u8]> = all.chunks(9 * 8).collect();
    images.sort_unstable();
    let sum = Sha256::digest(images.concat());
    let sum: Vec<String> = sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum.concat(), "dd4de4407a69742f");
}

#[test]
fn grey_and_colour_are_as_the_model_asks() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["a", "b"], 5);
    RgbImage::from_fn(6, 6, |x, _| Rgb([200, x as u8, 3]))
        .save(folder.path().join("a/red.jpg"))
        .unwrap();
    let own = read(folder.path()).unwrap();
    assert_eq!(own.train.shape(), [6, 6, 3], "one coloured picture makes all of them colour");
    let as_shape =
        |shape| load_as(folder.path().to_str().unwrap(), Path::new("nowhere"), Some(shape));
    let grey = as_shape([6, 6, 1]).unwrap();
    assert_eq!(grey.train.shape(), [6, 6, 1]);
    assert!(
        grey.notes.iter().any(|note| note == "1 of 11 pictures: converted from colour to grey"),
        "{:?}",
        grey.notes
    );
    let error = as_shape([6, 6, 2]).unwrap_err().to_string();
    assert!(
        error.contains("the model takes 2 channels; pictures have 1 (grey) or 3 (colour)"),
        "{error}"
    );
    let sized =
        load(&format!("{},size=4x3x3", folder.path().display()), Path::new("nowhere")).unwrap();
    assert_eq!(sized.test.shape(), [4, 3, 3]);
}

#[test]
fn every_bad_picture_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, &["a", "b"], 5);
    let good = fs::read(path.join("a/0.png")).unwrap();
    fs::write(path.join("a/cut.png"), &good[..good.len() / 2]).unwrap();
    fs::write(path.join("b/empty.JPG"), "").unwrap();
    fs::write(path.join("b/text.jpeg"), "not a picture").unwrap();
    let mut huge = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    huge.extend([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 0, 0, 0, 0, 0xa5, 0xb9, 0x2a, 0x9e]);
    fs::write(path.join("b/huge.png"), huge).unwrap();
    let Err(DataError::Pictures { total, bad, .. }) = read(path) else {
        panic!("an error was expected")
    };
    assert_eq!(total, 14);
    let names: Vec<_> =
        bad.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["cut.png", "empty.JPG", "huge.png", "text.jpeg"]);
    assert_eq!(bad[1].reason, "the file is empty");
    assert_eq!(bad[3].reason, "not a PNG or JPEG picture");
}

#[test]
fn folders_that_do_not_fit_say_why() {
    let case = |make: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        let error = read(folder.path()).unwrap_err();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    let contains = |text: String, part: &str| assert!(text.contains(part), "{text}");
    contains(case(&|_| ()), "no data set in this folder");
    contains(case(&|f| write(f, &["a"], 3)), "only one class, a: there is nothing to tell apart");
    contains(
        case(&|f| {
            write(f, &["a", "b"], 3);
            fs::create_dir(f.join("c")).unwrap();
        }),
        "c: a class folder without a PNG or JPEG picture",
    );
    contains(
        case(&|f| write(&f.join("train"), &["a", "b"], 3)),
        "of the folders train and test only one is there",
    );
    contains(
        case(&|f| {
            write(&f.join("train"), &["a", "b"], 3);
            write(&f.join("test"), &["a", "x"], 3);
        }),
        "x: a class of the test split that the training split lacks",
    );
    // Sixteen bits, transparency: read as image_file reads them.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["a", "b"], 4);
    DynamicImage::new_rgba8(6, 6).save(folder.path().join("a/clear.png")).unwrap();
    let data =
        load_as(folder.path().to_str().unwrap(), Path::new("nowhere"), Some([6, 6, 1])).unwrap();
    assert!(
        data.notes.iter().any(|note| note == "1 of 9 pictures: transparent parts became black"),
        "{:?}",
        data.notes
    );
}
