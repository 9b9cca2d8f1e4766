//! Training that is interrupted anywhere and taken up by a new trainer ends with the same bits.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "these tests have a model of their own")]
mod support;

use cnn_callbacks::{BatchEnd, BuildContext, Callback, Control, Memory, Resume};
use cnn_train::{
    CheckpointEvery, Checkpoints, Config, FitResult, Resumable, TrainOptions, Trainer,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::stripes;

/// Batch normalisation, dropout, augmentation, regularisers, and a running mean of the weights.
const MODEL: &str = r#"
input = [8, 8, 1]
[[layers]]
type = "RandomTranslation"
height_factor = 0.1
width_factor = 0.1
[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
kernel_regularizer = "l2"
[[layers]]
type = "BatchNormalization"
[[layers]]
type = "Activation"
activation = "relu"
[[layers]]
type = "Flatten"
[[layers]]
type = "Dropout"
rate = 0.3
[[layers]]
type = "Dense"
units = 3
activation = "softmax"
"#;

/// Callbacks that remember, each with files where it writes some.
const CALLBACKS: &str = r#"
[[callbacks]]
type = "EarlyStopping"
patience = 2
restore_best_weights = true
[[callbacks]]
type = "ModelCheckpoint"
filepath = "best.cnn"
save_best_only = true
[[callbacks]]
type = "ModelCheckpoint"
filepath = "often/{epoch}-{batch}.npz"
save_freq = 2
[[callbacks]]
type = "CSVLogger"
filename = "log.csv"
[[callbacks]]
type = "SwapEMAWeights"
"#;

const PLATEAU: &str = r#"
[[callbacks]]
type = "ReduceLROnPlateau"
patience = 1
min_delta = 0.5
cooldown = 1
"#;

const FIT: &str = "epochs = 4\nbatch_size = 16\nvalidation_split = 0.25\nseed = 3\neval_test = true\neval_train = true\n";

/// Interrupts after this many batches of a process.
struct Interrupt {
    after: usize,
    flag: Arc<AtomicBool>,
}

impl Callback for Interrupt {
    fn name(&self) -> &'static str {
        "Interrupt"
    }
    fn on_resume(&mut self, _: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        assert!(kept.is_empty());
        Ok(())
    }
    fn on_batch_end(&mut self, _: &BatchEnd<'_>, _: &mut Control) {
        self.after = self.after.saturating_sub(1);
        if self.after == 0 {
            self.flag.store(true, Ordering::SeqCst);
        }
    }
}

/// One process: takes the run up from the newest checkpoint, and goes on for at most this many batches.
fn process(config: &Config, folder: &Path, batches: usize) -> (Trainer, FitResult) {
    let flag = Arc::new(AtomicBool::new(false));
    let mut trainer =
        Trainer::new(config, config.model.build().unwrap(), TrainOptions::default()).unwrap();
    let checkpoints = Checkpoints::new(folder);
    let (from, notes) = checkpoints.latest().unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    let context = BuildContext::new(folder).overwrite(true);
    let mut callbacks = config.build_callbacks(&context).unwrap();
    callbacks.push(Box::new(Interrupt { after: batches, flag: Arc::clone(&flag) }));
    let plan = Resumable {
        checkpoints: &checkpoints,
        every: CheckpointEvery::Never,
        data: "stripes".to_owned(),
        from,
        interrupt: &flag,
    };
    let (train, test) = (stripes(88, 1), stripes(40, 2));
    let result = trainer.fit_resumable(&train, None, &test, &mut callbacks, plan).unwrap();
    (trainer, result)
}

/// Every file that the callbacks have written.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            all.extend(
                files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            );
        } else if !name.ends_with(".cnnckpt") {
            all.insert(name, std::fs::read(path).unwrap());
        }
    }
    all
}

/// All that has to be equal.
type Outcome =
    (String, u64, Vec<(String, Vec<u64>)>, Option<String>, String, BTreeMap<String, Vec<u8>>);

fn outcome(trainer: &Trainer, result: &FitResult, folder: &Path) -> Outcome {
    let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect();
    let history = result.history.history.iter();
    let measured = format!("{:?} {:?} {:?}", result.train, result.test_record, result.penalty);
    assert_eq!(result.images_per_second.len(), result.history.len());
    (
        trainer.weights_hash(),
        trainer.steps_taken(),
        history.map(|(name, values)| (name.to_owned(), bits(values))).collect(),
        result.restored.clone().or_else(|| result.stopped_by.as_ref().map(|s| s.reason.clone())),
        measured,
        files(folder),
    )
}

fn config(optimizer: &str, fit: &str, callbacks: &str) -> Config {
    let toml =
        format!("{MODEL}\n[compile]\noptimizer = {optimizer}\n[fit]\n{FIT}{fit}\n{callbacks}");
    Config::from_toml("model.toml", &toml).unwrap_or_else(|found| panic!("{found}")).0
}

/// Stops after every step k, goes on, and demands equal bits for all k.
fn the_same_after_every_step(config: &Config) {
    let folder = tempfile::tempdir().unwrap();
    let (trainer, result) = process(config, folder.path(), usize::MAX);
    let whole = outcome(&trainer, &result, folder.path());
    let steps = trainer.steps_taken() as usize;
    assert!(steps >= 8 && !whole.5.is_empty(), "{steps}");
    for k in 1..=steps {
        let folder = tempfile::tempdir().unwrap();
        let (_, first) = process(config, folder.path(), k);
        assert_eq!(first.interrupted, first.stopped_by.is_none());
        let (trainer, result) = process(config, folder.path(), usize::MAX);
        assert!(!result.interrupted);
        assert_eq!(outcome(&trainer, &result, folder.path()), whole, "after step {k}");
    }
    // And interrupted after every second step.
    let folder = tempfile::tempdir().unwrap();
    let end = (0..=steps).map(|_| process(config, folder.path(), 2)).find(|end| !end.1.interrupted);
    let (trainer, result) = end.unwrap();
    assert_eq!(outcome(&trainer, &result, folder.path()), whole);
}

#[test]
fn interrupted_after_any_step_it_ends_with_the_same_bits() {
    let adam = "{ type = \"Adam\", learning_rate = 0.01, use_ema = true, ema_momentum = 0.9, lookahead = {} }";
    the_same_after_every_step(&config(adam, "mixup = 0.2", &[CALLBACKS, PLATEAU].concat()));
}

#[test]
fn with_a_schedule_and_an_optimizer_that_needs_all_gradients_too() {
    let muon = "{ type = \"Muon\", clipnorm = 1.0, use_ema = true, learning_rate = { type = \"OneCycle\", max_lr = 0.02 } }";
    the_same_after_every_step(&config(muon, "cutmix = 1.0", CALLBACKS));
}

#[test]
fn another_configuration_or_other_data_is_refused() {
    let adam = "{ type = \"Adam\", use_ema = true }";
    let folder = tempfile::tempdir().unwrap();
    process(&config(adam, "", CALLBACKS), folder.path(), 3);
    let (from, _) = Checkpoints::new(folder.path()).latest().unwrap();
    let from = from.unwrap();
    assert_eq!((from.steps_taken(), from.position()), (3, (0, 3)));
    let refused = |config: &Config, data: &str| {
        let mut trainer =
            Trainer::new(config, config.model.build().unwrap(), TrainOptions::default()).unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        let plan = Resumable {
            checkpoints: &checkpoints,
            every: CheckpointEvery::Auto,
            data: data.to_owned(),
            from: Some(from.clone()),
            interrupt: &AtomicBool::new(false),
        };
        let (train, test) = (stripes(88, 1), stripes(40, 2));
        trainer.fit_resumable(&train, None, &test, &mut [], plan).unwrap_err().to_string()
    };
    let other = config(adam, "mixup = 0.5", CALLBACKS);
    let error = refused(&other, "stripes");
    assert!(error.contains("now mixup = 0.5"), "{error}");
    let error = refused(&config(adam, "", CALLBACKS), "spots");
    assert!(error.contains("stripes, now spots"), "{error}");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_said() {
    let config = config("{ type = \"Adam\", use_ema = true }", "", CALLBACKS);
    let folder = tempfile::tempdir().unwrap();
    process(&config, folder.path(), 3);
    process(&config, folder.path(), 4);
    process(&config, folder.path(), 1);
    let checkpoints = Checkpoints::new(folder.path());
    let newest = folder.path().join("step-000000000008.cnnckpt");
    let bytes = std::fs::read(&newest).unwrap();
    assert!(!folder.path().join("step-000000000003.cnnckpt").exists(), "the last two are kept");
    // Every length, and a flipped bit in every byte of a few thousand.
    let cut = (0..bytes.len()).step_by(97).map(|n| bytes[..n].to_vec());
    let flipped = (0..bytes.len()).step_by(89).map(|at| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    for damaged in cut.chain(flipped).chain([[&bytes[..], b"x"].concat()]) {
        std::fs::write(&newest, damaged).unwrap();
        let (found, notes) = checkpoints.latest().unwrap();
        assert_eq!((found.unwrap().steps_taken(), notes.len()), (7, 1));
        assert!(notes[0].contains("step-000000000008.cnnckpt: "), "{notes:?}");
    }
    std::fs::write(&newest, &bytes).unwrap();
    assert_eq!(checkpoints.latest().unwrap().0.unwrap().steps_taken(), 8);
    checkpoints.clear().unwrap();
    assert!(checkpoints.latest().unwrap().0.is_none());
}
