//! The augmentation layers against Keras's, with the random numbers given (data/golden/augment.npz).

use super::factor::Interval;
use super::resample::{Affine, FillMode, Frame, Interpolation, Sampler};
use super::{random_contrast, random_erasing};
use cnn_data::npz;
use std::collections::BTreeMap;
use std::path::Path;

/// Height, width and channels of every golden image.
const SIZE: [usize; 3] = [7, 5, 2];
const LEN: usize = 7 * 5 * 2;

/// Layer/case → name → numbers.
fn cases() -> BTreeMap<String, BTreeMap<String, Vec<f32>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/augment.npz");
    let mut cases: BTreeMap<String, BTreeMap<String, Vec<f32>>> = BTreeMap::new();
    for npz::Entry { name, array } in npz::read(&path).unwrap() {
        if let Some((case, key)) = name.rsplit_once('/') {
            cases.entry(case.to_owned()).or_default().insert(key.to_owned(), array.to_f32());
        }
    }
    cases
}

fn assert_equal(case: &str, ours: &[f32], keras: &[f32]) {
    assert_eq!(ours.len(), keras.len());
    for (i, (ours, keras)) in ours.iter().zip(keras).enumerate() {
        assert!((ours - keras).abs() <= 1e-5, "{case}[{i}]: ours {ours}, Keras {keras}");
    }
}

/// The map that a layer makes of what it drew.
type MapOf<'a> = &'a dyn Fn(&[f32]) -> Affine;

#[test]
fn images_through_maps_equal_keras() {
    let (size, mut count) = ([SIZE[0], SIZE[1]], 0);
    for (case, arrays) in cases() {
        let (kind, mode) = case.split_once('/').unwrap();
        let (columns, map): (usize, MapOf<'_>) = match kind {
            "RandomRotation" => (1, &|drawn| Affine::rotation(size, drawn[0])),
            "RandomTranslation" => {
                (2, &|drawn| Affine::translation(drawn[0] * 7.0, drawn[1] * 5.0))
            }
            "RandomZoom" => (2, &|drawn| Affine::zoom(size, 1.0 + drawn[0], 1.0 + drawn[1])),
            _ => continue,
        };
        let (fill, interpolation) = mode.split_once('_').unwrap();
        let fill = match fill {
            "reflect" => FillMode::Reflect,
            "wrap" => FillMode::Wrap,
            "constant" => FillMode::Constant,
            _ => FillMode::Nearest,
        };
        let interpolation = match interpolation {
            "bilinear" => Interpolation::Bilinear,
            _ => Interpolation::Nearest,
        };
        let sampler = Sampler::new(fill, interpolation, 0.25).unwrap();
        let mut y = vec![f32::NAN; arrays["y"].len()];
        let images = arrays["x"].chunks(LEN).zip(y.chunks_mut(LEN));
        for ((x, y), drawn) in images.zip(arrays["drawn"].chunks(columns)) {
            sampler.forward(&map(drawn), Frame::image(SIZE), x, SIZE[1], y);
        }
        assert_equal(&case, &y, &arrays["y"]);
        count += 1;
    }
    assert_eq!(count, 3 * 4 * 2);
}

#[test]
fn contrast_and_erasing_equal_keras() {
    let cases = cases();
    let arrays = &cases["RandomContrast/unit"];
    let contrast = random_contrast::BuiltRandomContrast {
        channels: SIZE[2],
        pixels: SIZE[0] * SIZE[1],
        contrast: Interval { low: 1.0, high: 1.0 },
        range: Interval { low: 0.0, high: 1.0 },
    };
    let mut y = vec![f32::NAN; arrays["y"].len()];
    for ((x, y), &drawn) in arrays["x"].chunks(LEN).zip(y.chunks_mut(LEN)).zip(&arrays["drawn"]) {
        contrast.adjust(drawn, x, y);
    }
    assert_equal("RandomContrast", &y, &arrays["y"]);

    let arrays = &cases["RandomErasing/fill"];
    let mut y = arrays["x"].clone();
    for (y, drawn) in y.chunks_mut(LEN).zip(arrays["drawn"].chunks(4)) {
        let rows = random_erasing::covered(SIZE[0], drawn[0].sqrt(), drawn[2]);
        let columns = random_erasing::covered(SIZE[1], drawn[1].sqrt(), drawn[3]);
        for row in random_erasing::rows(SIZE, [rows, columns]) {
            y[row].fill(0.25);
        }
    }
    assert_equal("RandomErasing", &y, &arrays["y"]);
}
