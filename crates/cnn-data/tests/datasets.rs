//! Whole data sets: Fashion-MNIST as shipped, folders, archives, and what does not fit together.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::{DataError, Images, Split, equal_images, load, npy};
use ndarray::Array4;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

fn data_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

#[test]
fn fashion_mnist_is_as_published() {
    let folder = data_root().join("fashion-mnist");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 4);
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        let hash = Sha256::digest(std::fs::read(folder.join(file)).unwrap());
        let hash: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash.concat(), sum, "{file}");
    }
    let data = load("fashion-mnist", &data_root()).unwrap();
    assert_eq!(
        (data.train.len(), data.test.len(), data.train.shape()),
        (60_000, 10_000, [28, 28, 1])
    );
    assert_eq!((data.classes.len(), &data.classes[9][..]), (10, "Ankle boot"));
    assert!(data.test.statistics(10).counts.iter().all(|&count| count == 1000));
    let statistics = data.train.statistics(10);
    assert!(statistics.counts.iter().all(|&count| count == 6000));
    assert!(
        (statistics.pixels.mean - 0.2860).abs() < 1e-4
            && (statistics.pixels.deviation - 0.3530).abs() < 1e-4,
        "{statistics:?}"
    );
    let by_path = load(folder.to_str().unwrap(), Path::new("elsewhere")).unwrap();
    assert_eq!((&by_path.classes, &by_path.fingerprint), (&data.classes, &data.fingerprint));
    // The course's labels: image 0 is a boot.
    assert_eq!(data.train.labels[0], 9);
}

fn split(n: usize) -> Split {
    let images = Array4::from_shape_fn((n, 2, 2, 1), |(i, y, x, _)| (i * 4 + y * 2 + x) as u8);
    Split { images: Images::U8(images), labels: (0..n as u32).collect() }
}

#[test]
fn fill_divides_by_255_and_follows_the_indices() {
    let (mut x, mut labels) = ([0.0; 8], [0; 2]);
    split(5).fill(&[3, 0], &mut x, &mut labels);
    assert_eq!(labels, [3, 0]);
    let expected: Vec<f32> =
        [12u8, 13, 14, 15, 0, 1, 2, 3].iter().map(|&v| f32::from(v) / 255.0).collect();
    assert_eq!(x[..], expected[..]);
}

#[test]
fn every_byte_becomes_the_float_nearest_to_its_255th() {
    let images = Array4::from_shape_fn((1, 16, 16, 1), |(_, y, x, _)| (y * 16 + x) as u8);
    let all = Split { images: Images::U8(images), labels: vec![0] };
    let mut x = [0.0_f32; 256];
    all.fill(&[0], &mut x, &mut [0]);
    for (byte, value) in x.into_iter().enumerate() {
        assert_eq!(value.to_bits(), ((byte as f64 / 255.0) as f32).to_bits(), "{byte}");
    }
    // Floats are the network's numbers already.
    let images = Array4::from_shape_fn((2, 1, 2, 1), |(i, _, x, _)| i as f32 - x as f32 / 3.0);
    let floats = Split { images: Images::F32(images.clone()), labels: vec![4, 5] };
    let (mut x, mut labels) = ([0.0; 4], [0; 2]);
    floats.fill(&[1, 0], &mut x, &mut labels);
    let expected = [1.0, images[[1, 0, 1, 0]], 0.0, images[[0, 0, 1, 0]]];
    assert_eq!(x.map(f32::to_bits), expected.map(f32::to_bits));
    assert_eq!(labels, [5, 4]);
}

#[test]
fn validation_takes_the_last_images_as_keras() {
    let (train, validation) = split(60).validation_split(0.1);
    assert_eq!((train.len(), validation.len(), validation.labels[0]), (54, 6, 54));
    let (train, validation) = split(60_000).validation_split(0.1);
    assert_eq!((train.len(), validation.len()), (54_000, 6000));
    assert_eq!((train.labels[53_999], validation.labels[0]), (53_999, 54_000));
    assert_eq!(split(10).validation_split(0.0).1.len(), 0);
    // floor(10 · (1 − 0.33)) = 6
    assert_eq!(split(10).validation_split(0.33).0.len(), 6);
    assert_eq!(split(10).take(3).labels, [0, 1, 2]);
    assert_eq!(split(10).take(30).len(), 10);
}

#[test]
fn each_channel_has_its_mean_and_deviation() {
    let images = Array4::from_shape_fn((2, 1, 2, 3), |(i, _, x, c)| {
        ([51_u16, 204, 0][c] * (i + x) as u16 / 2) as u8
    });
    let labels = vec![0, 7];
    let statistics = Split { images: Images::U8(images), labels }.statistics(2);
    assert_eq!(statistics.counts, [1, 0]);
    // Channel 0 is 0, 25, 25, 51; channel 1 is 0, 102, 102, 204; channel 2 is black.
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    let expected = [[0.0_f64, 25.0, 25.0, 51.0], [0.0, 102.0, 102.0, 204.0], [0.0; 4]];
    for (of_channel, values) in statistics.channels.iter().zip(expected) {
        let mean = values.iter().sum::<f64>() / 4.0;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4.0;
        near(of_channel.mean, mean / 255.0);
        near(of_channel.deviation, square.sqrt() / 255.0);
    }
    near(statistics.pixels.mean, (101.0 + 408.0) / 12.0 / 255.0);
}

#[test]
fn equal_images_are_found_in_and_between_splits() {
    // 300 images of 4 bytes, of which 3i and 3i + 1 are equal for i < 20; compared with every pair.
    let byte = |i: usize| if i < 60 { i - usize::from(i % 3 == 1) } else { i };
    let images = Array4::from_shape_fn((300, 1, 2, 2), |(i, _, x, c)| {
        (byte(i) >> (4 * (2 * x + c))) as u8 & 15
    });
    let a = Split { images: Images::U8(images.clone()), labels: vec![0; 300] };
    let b = Split {
        images: Images::U8(images.slice(ndarray::s![..;50, .., .., ..]).to_owned()),
        labels: vec![0; 6],
    };
    let (all, none): (Vec<u32>, [u32; 0]) = ((0..300).collect(), []);
    let groups = equal_images(&[(&a, &all), (&b, &none)]);
    let found: Vec<Vec<u32>> =
        groups.iter().map(|group| group.iter().map(|place| place.image).collect()).collect();
    assert_eq!(found, (0..20).map(|i| vec![3 * i, 3 * i + 1]).collect::<Vec<_>>());
    let groups = equal_images(&[(&a, &all[100..]), (&b, &[0, 1, 2, 3, 4, 5])]);
    let found: Vec<[(usize, u32); 2]> =
        groups.iter().map(|group| [0, 1].map(|i| (group[i].part, group[i].image))).collect();
    assert_eq!(
        found,
        [[(0, 100), (1, 2)], [(0, 150), (1, 3)], [(0, 200), (1, 4)], [(0, 250), (1, 5)]]
    );
    // The same numbers as floats, or in another shape, are other images.
    let floats = Split { images: Images::F32(images.mapv(f32::from)), labels: vec![0; 300] };
    assert!(equal_images(&[(&a, &[200]), (&floats, &[200])]).is_empty());
    let flat = images.to_shape((300, 2, 2, 1)).unwrap().to_owned();
    let flat = Split { images: Images::U8(flat), labels: vec![0; 300] };
    assert!(equal_images(&[(&a, &[200]), (&flat, &[200])]).is_empty());
    assert_eq!(equal_images(&[(&floats, &[3, 5, 4])]).len(), 1);
}

/// An `.npz` of the four arrays, each as (type, shape, little-endian bytes).
fn write_npz(path: &Path, arrays: &[(&str, &str, &str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, descr, shape, data) in arrays {
        zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        npy::parse(&bytes).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn archives_with_odd_but_clear_arrays_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.npz");
    write_npz(
        &path,
        &[
            ("x_train", "<f4", "(2, 1, 2)", floats(&[0.0, 0.5, 1.0, 0.25])),
            ("y_train", "|u1", "(2, 1)", vec![0, 1]),
            ("x_test", "<f4", "(1, 1, 2)", floats(&[0.0, 255.0])),
            ("y_test", "<f4", "(1,)", floats(&[1.0])),
        ],
    );
    let data = load(path.to_str().unwrap(), folder.path()).unwrap();
    assert_eq!((data.train.shape(), data.classes.len(), &data.name[..]), ([1, 2, 1], 2, "odd"));
    assert!(data.notes[0].contains("not divided by 255 again"), "{:?}", data.notes);
    let (mut x, mut labels) = ([0.0; 2], [0]);
    data.test.fill(&[0], &mut x, &mut labels);
    assert_eq!((x, labels), ([0.0, 1.0], [1]));
}

#[test]
fn what_does_not_fit_together_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.npz");
    let images = ("x_train", "|u1", "(2, 1, 2)", vec![0; 4]);
    let test = [("x_test", "|u1", "(1, 1, 2)", vec![0; 2]), ("y_test", "|u1", "(1,)", vec![0])];
    let with = |x: (&'static str, &'static str, &'static str, Vec<u8>),
                y: (&'static str, &'static str, &'static str, Vec<u8>)| {
        write_npz(&path, &[x, y, test[0].clone(), test[1].clone()]);
        load(path.to_str().unwrap(), folder.path()).unwrap_err()
    };
    let label = |descr, shape, bytes| ("y_train", descr, shape, bytes);
    let cases = [
        (
            with(images.clone(), label("|u1", "(3,)", vec![0; 3])),
            "2 training images, but 3 training labels",
        ),
        (
            with(images.clone(), label("<f4", "(2,)", floats(&[0.5, 1.0]))),
            "label 0.5 at position 0",
        ),
        (with(images.clone(), label("|i1", "(2,)", vec![0, 255])), "label -1 at position 1"),
        (with(images.clone(), label("|u1", "(2, 3)", vec![0; 6])), "[2, 3]"),
        (
            with(("x_train", "|u1", "(2, 2, 1)", vec![0; 4]), label("|u1", "(2,)", vec![0; 2])),
            "[2, 1, 1]",
        ),
        (
            with(
                ("x_train", "<f4", "(2, 1, 2)", floats(&[0.0, f32::NAN, 0.0, 0.0])),
                label("|u1", "(2,)", vec![0; 2]),
            ),
            "NaN",
        ),
        (with(("x_train", "|u1", "(4,)", vec![0; 4]), label("|u1", "(2,)", vec![0; 2])), "[4]"),
        (
            with(("x_other", "|u1", "(2, 1, 2)", vec![0; 4]), label("|u1", "(2,)", vec![0; 2])),
            "no array x_train",
        ),
    ];
    for (error, expected) in cases {
        assert!(error.to_string().contains(expected), "{expected:?} is not in {error}");
        assert!(!error.hint().is_empty() && error.code().starts_with('D'));
    }
}

#[test]
fn labels_that_a_known_set_cannot_have_and_empty_classes_are_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("fashion-mnist");
    std::fs::create_dir(&folder).unwrap();
    let write = |label: u8| {
        let images = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9];
        for part in ["train", "t10k"] {
            let labels = [0, 0, 8, 1, 0, 0, 0, 1, label];
            std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
            std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
        }
    };
    write(2);
    let data = load("fashion-mnist", root.path()).unwrap();
    assert_eq!((data.classes.len(), &data.classes[2][..]), (10, "Pullover"));
    assert_eq!(data.notes, ["no training image has the label 0, 1"]);
    assert_eq!(load(folder.to_str().unwrap(), root.path()).unwrap().classes, ["0", "1", "2"]);
    write(200);
    let error = load("fashion-mnist", root.path()).unwrap_err();
    assert!(error.to_string().contains("training label 200 at position 0"), "{error}");
}

#[cfg(unix)]
#[test]
fn devices_are_not_read() {
    let error = cnn_data::npz::read(Path::new("/dev/zero")).unwrap_err();
    assert!(error.to_string().contains("a pipe or a device"), "{error}");
}

#[test]
fn swapped_missing_and_unknown_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let error = load(folder.path().to_str().unwrap(), folder.path()).unwrap_err();
    assert!(error.to_string().contains("no data set in this folder"), "{error}");
    std::fs::write(at("t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap();
    let error = load(folder.path().to_str().unwrap(), folder.path()).unwrap_err();
    assert!(
        matches!(error, DataError::MissingIdx { file: "train-images-idx3-ubyte", .. }),
        "{error}"
    );
    let labels = [0, 0, 8, 1, 0, 0, 0, 1, 7];
    let images = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9];
    std::fs::write(at("train-images-idx3-ubyte"), labels).unwrap();
    std::fs::write(at("train-labels-idx1-ubyte"), images).unwrap();
    let error = load(folder.path().to_str().unwrap(), folder.path()).unwrap_err();
    assert!(error.hint().contains("swapped"), "{error} {}", error.hint());
    let error = load("fashon-mnist", folder.path()).unwrap_err();
    assert!(error.hint().contains("did you mean fashion-mnist"), "{}", error.hint());
    let error = load("mnist", folder.path()).unwrap_err();
    assert!(error.hint().contains("mnist.npz") && error.hint().contains("put"), "{}", error.hint());
}
