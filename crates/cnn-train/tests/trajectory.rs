//! Twenty Adam steps beside Keras's own: `data/golden/trajectory.npz`, see `data/golden/README.md`.

use cnn_callbacks::{BatchEnd, Callback, Control};
use cnn_data::{Images, Split};
use cnn_train::{Config, NamedTensor, TrainOptions, Trainer};
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

#[test]
fn twenty_adam_steps_are_keras_s() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/trajectory.npz");
    let arrays = golden(&std::fs::read(path).unwrap());
    let find = |name: &str| {
        arrays
            .iter()
            .find(|a| a.name == name)
            .unwrap_or_else(|| panic!("{name} in the golden file"))
    };
    let tensors = |group: &str| -> Vec<NamedTensor> {
        let of_group =
            arrays.iter().filter_map(|a| Some((a.name.strip_prefix(group)?.to_owned(), a)));
        of_group
            .map(|(name, a)| NamedTensor { name, shape: a.shape.clone(), values: a.f32s() })
            .collect()
    };
    let x = Array4::from_shape_vec((320, 8, 8, 1), find("x").f32s()).unwrap();
    let labels = find("labels")
        .bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|b| i64::from_le_bytes(*b) as u32)
        .collect();
    let data = Split { images: Images::F32(x), labels };
    let toml = String::from_utf8(find("toml").bytes.clone()).unwrap();

    for (threads, fuse) in [(1, true), (3, true), (2, false)] {
        let (config, _) =
            Config::from_toml("trajectory.toml", &toml).unwrap_or_else(|found| panic!("{found}"));
        let options = TrainOptions { threads, fuse, ..TrainOptions::default() };
        let mut trainer = Trainer::new(&config, config.model.build().unwrap(), options).unwrap();
        trainer.set_named_weights(&tensors("initial/")).unwrap();
        let means = Arc::new(Mutex::new(Vec::new()));
        trainer.fit(&data, None, &mut [Box::new(Collect(means.clone()))]).unwrap();

        // From the running means back to each batch's own value.
        let means = means.lock().unwrap();
        let before = std::iter::once(&(0.0, 0.0)).chain(means.iter());
        let own = |pick: fn(&(f64, f64)) -> f64| -> Vec<f32> {
            let values = means.iter().zip(before.clone()).enumerate();
            values
                .map(|(i, (now, last))| (pick(now) * (i + 1) as f64 - pick(last) * i as f64) as f32)
                .collect()
        };
        assert_close("losses", &own(|m| m.0), &find("losses").f32s());
        assert_close("accuracies", &own(|m| m.1), &find("accuracies").f32s());
        let final_weights = cnn_train::named_tensors(trainer.model(), trainer.weights());
        for tensor in tensors("final/") {
            let ours = final_weights.iter().find(|t| t.name == tensor.name).unwrap();
            assert_close(&tensor.name, &ours.values, &tensor.values);
        }
    }
}
