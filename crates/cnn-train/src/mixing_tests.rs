//! Mixed batches against Keras's own (data/golden/mixing.npz), and the pairs that are drawn.

use super::*;
use cnn_data::{Images, npz};
use cnn_nn::engine::ClassCounts;
use cnn_nn::engine::Isa;
use cnn_nn::layer::Link;
use cnn_nn::loss::{Labels, Loss, LossSpec};
use cnn_tensor::Shape;
use ndarray::Array4;
use std::collections::BTreeMap;
use std::path::Path;

fn golden() -> BTreeMap<String, Vec<f32>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/mixing.npz");
    let entries = npz::read(&path).unwrap();
    entries.into_iter().map(|entry| (entry.name, entry.array.to_f32())).collect()
}

fn assert_close(what: &str, ours: &[f32], golden: &[f32]) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    let scale = golden.iter().fold(1.0f32, |m, g| m.max(g.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{what}[{i}]: ours {a}, Keras {b}");
    }
}

#[test]
fn mixed_images_and_their_loss_are_keras_s() {
    let golden = golden();
    let whole = |name: &str| golden[name].iter().map(|&x| x as u32).collect::<Vec<u32>>();
    let (labels, partners) = (whole("labels"), whole("partners"));
    let images = Array4::from_shape_vec((6, 5, 7, 2), golden["images"].clone()).unwrap();
    let split = Split { images: Images::F32(images), labels };
    for (case, mixing) in
        [("mixup", Mixing::MixUp { alpha: 0.2 }), ("cutmix", Mixing::CutMix { alpha: 1.0 })]
    {
        let mut mixer = Mixer::new(mixing, split.shape(), 6);
        mixer.partners.clone_from(&partners);
        if case == "mixup" {
            mixer.shares.clone_from(&golden["mixup/shares"]);
        } else {
            let windows = whole("cutmix/windows");
            windows.as_chunks::<4>().0.iter().for_each(|window| mixer.push_window(*window));
        }
        assert_close("shares", &mixer.shares, &golden[&format!("{case}/shares")]);

        // As two shards ask for it.
        let mut x = vec![f32::NAN; 6 * 70];
        let (mut own, mut other, mut shares) = ([9; 6], [9; 6], [9.0; 6]);
        for range in [0..4, 4..6] {
            let mut targets = Targets {
                labels: &mut own[range.clone()],
                partners: &mut other[range.clone()],
                shares: &mut shares[range.clone()],
            };
            let x = &mut x[range.start * 70..range.end * 70];
            mixer.fill(&split, &[0, 1, 2, 3, 4, 5], range, x, &mut targets);
        }
        assert_close(case, &x, &golden[&format!("{case}/x")]);

        let softmax = Some(Link::Softmax);
        let loss = Loss::new(&LossSpec::default(), &Shape::new([4]), softmax).unwrap();
        let (mut d, mut counts) = ([0.0; 24], ClassCounts::new(4));
        let labels = Labels { classes: &own, mixed: Some((&other, &shares)) };
        let logits = &golden["logits"];
        let got = loss.measure(Isa::best(), logits, labels, true, 1.0 / 6.0, &mut d, &mut counts);
        assert_close("loss", &[got.loss() as f32], &golden[&format!("{case}/loss")]);
        assert_close("dlogits", &d, &golden[&format!("{case}/dlogits")]);
        assert_eq!([got.correct as u32][..], whole(&format!("{case}/correct")), "{case}");
    }
}

#[test]
fn bytes_and_floats_are_mixed_alike() {
    let bytes =
        Array4::from_shape_fn((5, 6, 4, 3), |(n, y, x, c)| (n * 50 + y * 7 + x * 3 + c) as u8);
    let floats = bytes.mapv(|x| f32::from(x) / 255.0);
    let labels = vec![0, 1, 2, 0, 1];
    let bytes = Split { images: Images::U8(bytes), labels: labels.clone() };
    let floats = Split { images: Images::F32(floats), labels };
    for mixing in [Mixing::MixUp { alpha: 0.5 }, Mixing::CutMix { alpha: 1.0 }] {
        let mut mixer = Mixer::new(mixing, bytes.shape(), 5);
        mixer.draw(3, 8, 5);
        let (mut a, mut b) = (vec![0.0; 72], vec![1.0; 72]);
        for place in 0..5 {
            mixer.image(&bytes, &[4, 0, 2, 1, 3], place, &mut a);
            mixer.image(&floats, &[4, 0, 2, 1, 3], place, &mut b);
            assert_eq!(a, b, "{mixing:?} {place}");
        }
    }
}

/// Draws of many steps: partners are a permutation, windows lie inside the image and leave the share that is said, and the
/// shares have the mean of their distribution.
#[test]
fn pairs_are_a_function_of_seed_and_step() {
    for mixing in [Mixing::MixUp { alpha: 0.2 }, Mixing::CutMix { alpha: 1.0 }] {
        let mut mixer = Mixer::new(mixing, [9, 5, 1], 32);
        let (mut sum, mut count) = (0.0, 0.0);
        for step in 0..300 {
            let n = if step % 7 == 3 { 1 } else { 32 };
            mixer.draw(42, step, n);
            let mut partners = mixer.partners.clone();
            partners.sort_unstable();
            assert!(partners.iter().zip(0..).all(|(a, b)| *a == b), "{:?}", mixer.partners);
            assert_eq!(mixer.shares.len(), n);
            for [row, rows, column, columns] in &mixer.windows {
                assert!(row + rows <= 9 && column + columns <= 5);
            }
            for (window, share) in mixer.windows.iter().zip(&mixer.shares) {
                let covered = f64::from(window[1] * window[3]) / 45.0;
                assert!((f64::from(*share) - (1.0 - covered)).abs() < 1e-6);
            }
            sum += mixer.shares.iter().map(|s| f64::from(*s)).sum::<f64>();
            count += n as f64;
        }
        assert!((sum / count - 0.5).abs() < 0.02, "{mixing:?}: mean share {}", sum / count);
        let mut again = Mixer::new(mixing, [9, 5, 1], 4);
        again.draw(42, 299, 32);
        assert_eq!((&again.partners, &again.shares), (&mixer.partners, &mixer.shares));
        again.draw(43, 299, 32);
        assert_ne!(again.shares, mixer.shares);
    }
}
