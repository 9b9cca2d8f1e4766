//! Twenty Adam steps beside Keras's own, without and with regularisers, and with constraints: `data/golden/trajectory.npz`,
//! `data/golden/regularizers.npz`, `data/golden/activity.npz`, `data/golden/separable.npz` and `data/golden/constraints.npz`; and
//! whole fits with a running mean of the weights: `data/golden/swap_ema.npz`. See `data/golden/README.md`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cnn_callbacks::{BatchEnd, BuildContext, Callback, Control, EpochEnd, SwapEMAWeights};
use cnn_data::{Images, Split};
use cnn_nn::engine::{Engine, Options, TrainKey};
use cnn_nn::loss::{Loss, LossSpec};
use cnn_train::{Config, Isa, NamedTensor, TrainOptions, Trainer};
use ndarray::Array4;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// An array of the golden file: shape and the bytes of its elements.
struct Golden {
    name: String,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl Golden {
    fn f32s(&self) -> Vec<f32> {
        self.bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}

/// Reads the plain form that the golden files have: a stored zip of npy 1.0, little-endian, C order.
fn golden(file: &[u8]) -> Vec<Golden> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    let (mut at, mut arrays) = (0, Vec::new());
    while file[at..].starts_with(b"PK\x03\x04") {
        let (size, name_len) = (u32_at(at + 22), u16_at(at + 26));
        let name = String::from_utf8_lossy(&file[at + 30..at + 30 + name_len]);
        let start = at + 30 + name_len + u16_at(at + 28);
        let header_end = start + 10 + u16_at(start + 8);
        let header = String::from_utf8_lossy(&file[start + 10..header_end]);
        let dims = header
            .split_once("'shape': (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .expect("a shape")
            .0;
        arrays.push(Golden {
            name: name.trim_end_matches(".npy").to_owned(),
            shape: dims.split(',').filter_map(|dim| dim.trim().parse().ok()).collect(),
            bytes: file[header_end..start + size].to_vec(),
        });
        at = start + size;
    }
    arrays
}

/// Collects the running mean of the loss and the accuracy after each batch.
struct Collect(Arc<Mutex<Vec<(f64, f64)>>>);

impl Callback for Collect {
    fn name(&self) -> &'static str {
        "Collect"
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, _: &mut Control) {
        let value = |name| event.logs.get(name).expect("both are logged");
        self.0.lock().expect("no test panicked").push((value("loss"), value("accuracy")));
    }
}

/// The documented tolerance: 1e-5 of the larger of 1 and the array's largest number.
fn assert_close(name: &str, ours: &[f32], golden: &[f32]) {
    assert_eq!(ours.len(), golden.len(), "{name}");
    let scale = golden.iter().fold(1.0f32, |max, g| max.max(g.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{name}[{i}]: ours {a}, Keras {b}");
    }
}

/// A golden file by its name in data/golden.
struct File(Vec<Golden>);

impl File {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden").join(name);
        Self(golden(&std::fs::read(path).unwrap()))
    }

    fn find(&self, name: &str) -> &Golden {
        let found = self.0.iter().find(|a| a.name == name);
        found.unwrap_or_else(|| panic!("{name} in the golden file"))
    }

    fn toml(&self) -> String {
        String::from_utf8(self.find("toml").bytes.clone()).unwrap()
    }

    fn tensors(&self, group: &str) -> Vec<NamedTensor> {
        let of_group =
            self.0.iter().filter_map(|a| Some((a.name.strip_prefix(group)?.to_owned(), a)));
        of_group
            .map(|(name, a)| NamedTensor { name, shape: a.shape.clone(), values: a.f32s() })
            .collect()
    }

    /// The batches of trajectory.npz, one after the other.
    fn batches(&self) -> Split {
        let images = Array4::from_shape_vec((320, 8, 8, 1), self.find("x").f32s()).unwrap();
        let (labels, _) = self.find("labels").bytes.as_chunks::<8>();
        let labels = labels.iter().map(|b| i64::from_le_bytes(*b) as u32).collect();
        Split { images: Images::F32(images), labels }
    }
}

fn trainer(toml: &str, initial: &[NamedTensor], threads: usize, fuse: bool) -> Trainer {
    let (config, _) =
        Config::from_toml("trajectory.toml", toml).unwrap_or_else(|found| panic!("{found}"));
    let options = TrainOptions { threads, fuse, ..TrainOptions::default() };
    let mut trainer = Trainer::new(&config, config.model.build().unwrap(), options).unwrap();
    trainer.set_named_weights(initial).unwrap();
    trainer
}

/// Trains and gives each batch's own loss and accuracy, from the running means.
fn train(trainer: &mut Trainer, data: &Split) -> (Vec<f32>, Vec<f32>) {
    let means = Arc::new(Mutex::new(Vec::new()));
    trainer.fit(data, None, &mut [Box::new(Collect(means.clone()))]).unwrap();
    let means = means.lock().unwrap();
    let before = std::iter::once(&(0.0, 0.0)).chain(means.iter());
    let own = |pick: fn(&(f64, f64)) -> f64| -> Vec<f32> {
        let values = means.iter().zip(before.clone()).enumerate();
        values
            .map(|(i, (now, last))| (pick(now) * (i + 1) as f64 - pick(last) * i as f64) as f32)
            .collect()
    };
    (own(|m| m.0), own(|m| m.1))
}

fn assert_weights(trainer: &Trainer, golden: &[NamedTensor]) {
    let ours = cnn_train::named_tensors(trainer.model(), trainer.weights());
    assert_eq!(ours.len(), golden.len());
    for tensor in golden {
        let own = ours.iter().find(|t| t.name == tensor.name).unwrap();
        assert_close(&tensor.name, &own.values, &tensor.values);
    }
}

#[test]
fn twenty_adam_steps_are_keras_s() {
    let file = File::read("trajectory.npz");
    for (threads, fuse) in [(1, true), (3, true), (2, false)] {
        let mut trainer = trainer(&file.toml(), &file.tensors("initial/"), threads, fuse);
        let (losses, accuracies) = train(&mut trainer, &file.batches());
        assert_close("losses", &losses, &file.find("losses").f32s());
        assert_close("accuracies", &accuracies, &file.find("accuracies").f32s());
        assert_weights(&trainer, &file.tensors("final/"));
    }
}

/// The same steps with L1, L2 and both on kernels and biases: losses with their penalties, what evaluate reports, the first
/// gradient and the last weights.
#[test]
fn penalties_are_keras_s() {
    penalties_are_those_of("regularizers.npz");
}

#[test]
fn penalties_on_outputs_are_keras_s() {
    penalties_are_those_of("activity.npz");
}

/// Every key of depthwise and separable convolutions that a training shows, and a penalty on the probabilities of a closing
/// softmax,
/// which the loss makes itself.
#[test]
fn depthwise_layers_and_a_penalised_softmax_are_keras_s() {
    penalties_are_those_of("separable.npz");
}

fn penalties_are_those_of(file: &str) {
    let (file, start) = (File::read(file), File::read("trajectory.npz"));
    let (data, own) = (start.batches(), file.tensors("initial/"));
    let initial = if own.is_empty() { start.tensors("initial/") } else { own };
    for (threads, fuse) in [(1, true), (3, true), (2, false)] {
        let mut trainer = trainer(&file.toml(), &initial, threads, fuse);
        let evaluated = trainer.evaluate(&data).unwrap();
        let ours = [evaluated.loss, evaluated.accuracy, evaluated.penalty].map(|x| x as f32);
        assert_close("evaluate", &ours, &file.find("evaluate").f32s());
        assert!((evaluated.loss - evaluated.data_loss - evaluated.penalty).abs() < 1e-12);

        let (model, weights) = (trainer.model().clone(), trainer.weights().to_vec());
        let loss = Loss::new(&LossSpec::default(), model.output(), model.link()).unwrap();
        let options = Options { threads, fuse, isa: Isa::best(), batch_size: 16 };
        let mut gradient = vec![0.0; weights.len()];
        let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
            let indices: Vec<u32> = range.map(|i| i as u32).collect();
            data.fill(&indices, x, labels);
        };
        let key = TrainKey { seed: 0, step: 0 };
        Engine::new(&model, &loss, options).gradients(&weights, 16, &feed, key, &mut gradient);
        for (ours, golden) in
            cnn_train::named_tensors(&model, &gradient).iter().zip(file.tensors("gradient/"))
        {
            assert_eq!(ours.name, golden.name);
            assert_close(&ours.name, &ours.values, &golden.values);
        }

        assert_close("losses", &train(&mut trainer, &data).0, &file.find("losses").f32s());
        assert_weights(&trainer, &file.tensors("final/"));
    }
}

#[test]
fn constraints_are_keras_s() {
    let (file, start) = (File::read("constraints.npz"), File::read("trajectory.npz"));
    for (threads, fuse) in [(1, true), (3, true), (2, false)] {
        let mut trainer = trainer(&file.toml(), &start.tensors("initial/"), threads, fuse);
        let losses = train(&mut trainer, &start.batches()).0;
        assert_close("losses", &losses, &file.find("losses").f32s());
        assert_weights(&trainer, &file.tensors("final/"));
    }
}

/// Collects the weights that callbacks see at the end of each epoch.
struct See(Arc<Mutex<Vec<f32>>>);

impl Callback for See {
    fn name(&self) -> &'static str {
        "See"
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _: &mut Control) {
        self.0.lock().expect("no test panicked").extend_from_slice(event.weights);
    }
}

/// Three epochs with `use_ema`, the second half of the images for validation: what is measured, what callbacks see, and what fit leaves,
/// with `SwapEMAWeights` and without.
#[test]
fn the_mean_of_the_weights_stands_in_for_them_where_keras_has_it() {
    let (file, start) = (File::read("swap_ema.npz"), File::read("trajectory.npz"));
    let data = start.batches();
    let part = |range: std::ops::Range<usize>| {
        let indices: Vec<u32> = range.map(|i| i as u32).collect();
        let mut x = vec![0.0; indices.len() * 64];
        let mut labels = vec![0; indices.len()];
        data.fill(&indices, &mut x, &mut labels);
        let images = Array4::from_shape_vec((indices.len(), 8, 8, 1), x).unwrap();
        Split { images: Images::F32(images), labels }
    };
    let (train, validation) = (part(0..160), part(160..320));
    for (case, swap) in [("alone", None), ("measured", Some(false)), ("shown", Some(true))] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut callbacks: Vec<Box<dyn Callback>> = vec![Box::new(See(seen.clone()))];
        if let Some(swap_on_epoch) = swap {
            let context = BuildContext::new("run");
            callbacks.push(SwapEMAWeights { swap_on_epoch }.build(&context).unwrap());
        }
        let mut trainer = trainer(&file.toml(), &start.tensors("initial/"), 2, true);
        let result = trainer.fit(&train, Some(&validation), &mut callbacks).unwrap();
        for name in ["loss", "val_loss", "val_accuracy"] {
            let logged: Vec<f32> =
                result.history.get(name).unwrap().iter().map(|&value| value as f32).collect();
            let key = format!("{case}/{name}");
            assert_close(&key, &logged, &file.find(&key).f32s());
        }
        let key = format!("{case}/seen");
        assert_close(&key, &seen.lock().unwrap(), &file.find(&key).f32s());
        assert_weights(&trainer, &file.tensors(&format!("{case}/final/")));
    }
}
