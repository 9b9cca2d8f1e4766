//! Numbers that are none: training says where they come from, or goes back and on with a smaller rate, to the same bits however
//! often it is interrupted.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "these tests have a model of their own")]
mod support;

use cnn_callbacks::{
    BatchEnd, BuildContext, Callback, Control, EpochBegin, EpochEnd, Message, Resume,
};
use cnn_data::{Images, Split};
use cnn_train::{
    CheckpointEvery, Checkpoints, Config, FitResult, OnNan, Resumable, RunHistory, TrainOptions,
    Trainer,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use support::stripes;

const LAYERS: &str = r#"
input = [8, 8, 1]
[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
activation = "relu"
[[layers]]
type = "MaxPooling2D"
[[layers]]
type = "Flatten"
[[layers]]
type = "Dropout"
rate = 0.2
[[layers]]
type = "Dense"
units = 3
activation = "softmax"
"#;

fn config(optimizer: &str, fit: &str, callbacks: &str) -> Config {
    let fit = format!("[fit]\nepochs = 3\nbatch_size = 16\nseed = 3\n{fit}");
    let toml = format!("{LAYERS}\n[compile]\noptimizer = {optimizer}\n{fit}\n{callbacks}");
    Config::from_toml("model.toml", &toml).unwrap_or_else(|found| panic!("{found}")).0
}

const SGD: &str = "{ type = \"SGD\", learning_rate = 0.05 }";

fn trainer(config: &Config, threads: usize) -> Trainer {
    let options = TrainOptions { threads, ..TrainOptions::default() };
    Trainer::new(config, config.model.build().unwrap(), options).unwrap()
}

/// A rate that is too large by a table of the callback that sets it, from the second epoch on.
const WILD: &str = r#"
[[callbacks]]
type = "LearningRateScheduler"
rates = [[0, 0.05], [1, 1e36]]
[[callbacks]]
type = "CSVLogger"
filename = "log.csv"
[[callbacks]]
type = "TensorBoard"
update_freq = 1
[[callbacks]]
type = "EarlyStopping"
monitor = "loss"
patience = 5
"#;

/// Back from 1e36 to a rate that works.
const ROLLBACK: &str = "on_nan = { rollback = 1e-15, times = 2 }";

/// Writes down what it is told, and interrupts after so many batches.
#[derive(Clone, Default)]
struct Witness {
    after: usize,
    flag: Arc<AtomicBool>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Callback for Witness {
    fn name(&self) -> &'static str {
        "Witness"
    }
    fn on_resume(&mut self, event: &Resume<'_>, _: &cnn_callbacks::Memory) -> Result<(), String> {
        self.said.lock().unwrap().push(format!("back to {}.{}", event.epoch.epoch, event.step));
        Ok(())
    }
    fn on_epoch_begin(&mut self, event: &EpochBegin, _: &mut Control) {
        self.said.lock().unwrap().push(format!("begin {}", event.epoch));
    }
    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _: &mut Control) {
        self.said.lock().unwrap().push(format!("end {}", event.epoch));
    }
    fn on_message(&mut self, message: &Message) {
        self.said.lock().unwrap().push(message.text.clone());
    }
    fn on_batch_end(&mut self, event: &BatchEnd<'_>, _: &mut Control) {
        assert!(
            event.logs.get("loss").unwrap().is_finite(),
            "a step that is taken back is not told"
        );
        self.after = self.after.wrapping_sub(1);
        if self.after == 0 {
            self.flag.store(true, Ordering::SeqCst);
        }
    }
}

/// A process that goes on from the newest checkpoint for so many batches.
fn process(
    config: &Config,
    folder: &Path,
    witness: &Witness,
    every: CheckpointEvery,
) -> (Trainer, FitResult) {
    witness.flag.store(false, Ordering::SeqCst);
    let mut trainer = trainer(config, 1);
    let checkpoints = Checkpoints::new(folder);
    let mut callbacks = config.build_callbacks(&BuildContext::new(folder).overwrite(true)).unwrap();
    callbacks.push(Box::new(witness.clone()));
    let plan = Resumable {
        checkpoints: &checkpoints,
        every,
        data: "stripes".to_owned(),
        from: checkpoints.latest().unwrap().0,
        interrupt: &witness.flag,
    };
    let data = stripes(88, 1);
    let result = trainer.fit_resumable(&data, None, &data, &mut callbacks, plan).unwrap();
    (trainer, result)
}

/// What has to be equal: weights, history, what was done about it, the logger's file.
fn outcome(trainer: &Trainer, result: &FitResult, folder: &Path) -> (String, String, String) {
    let mut history = RunHistory::new(result, 16);
    (history.seconds, history.images_per_second) = (Vec::new(), Vec::new());
    let log = std::fs::read_to_string(folder.join("log.csv")).unwrap();
    (trainer.weights_hash(), format!("{history:?}"), log)
}

#[test]
fn a_rate_that_is_too_large_stops_with_epoch_step_and_layer() {
    let config = config("{ type = \"SGD\", learning_rate = 1e20 }", "", "");
    let mut one = trainer(&config, 1);
    let result = one.fit(&stripes(88, 1), None, &mut []).unwrap();
    let stop = result.stopped_by.as_ref().unwrap();
    assert!(result.diverged() && stop.by == "on_nan");
    assert!(
        stop.reason.starts_with("epoch 1/3, step 2/6 (step 2 of the run): ")
            && stop.reason.contains(" gives ")
            && stop.reason.contains(" of training image "),
        "{}",
        stop.reason
    );
    // The step that gave no number was not taken, and any number of threads says the same.
    assert_eq!(one.steps_taken(), 1);
    assert!(one.weights().iter().all(|weight| weight.is_finite()));
    let mut three = trainer(&config, 3);
    let again = three.fit(&stripes(88, 1), None, &mut []).unwrap();
    assert_eq!((again.stopped_by, three.weights_hash()), (result.stopped_by, one.weights_hash()));
}

#[test]
fn a_pixel_that_is_no_number_is_named_and_nothing_goes_back_for_it() {
    let mut data = stripes(88, 1);
    let Images::U8(bytes) = &data.images else { panic!("bytes") };
    let mut pixels = bytes.mapv(|byte| f32::from(byte) / 255.0);
    pixels[[45, 2, 7, 0]] = f32::NAN;
    data = Split { images: Images::F32(pixels), ..data };
    for fit in ["shuffle = false", "shuffle = false\non_nan = \"rollback\""] {
        let result = trainer(&config(SGD, fit, ""), 2).fit(&data, None, &mut []).unwrap();
        assert_eq!(
            result.stopped_by.as_ref().unwrap().reason,
            "epoch 1/3, step 4/6 (step 4 of the run): training image 45 has NaN for number 23; the loss is NaN"
        );
        assert!(result.rollbacks.is_empty());
    }
}

/// A model whose second convolution overflows: finite weights of 1e30 in the first make infinities there.
#[test]
fn the_first_layer_that_gives_no_number_is_named() {
    let toml = LAYERS.replace(
        "[[layers]]\ntype = \"MaxPooling2D\"",
        "[[layers]]\ntype = \"Conv2D\"\nfilters = 2\nkernel_size = 3\n[[layers]]\ntype = \"MaxPooling2D\"",
    );
    let config = Config::from_toml("model.toml", &toml).unwrap().0;
    let mut trainer = trainer(&config, 1);
    let weights: Vec<f32> = trainer.weights().iter().map(|_| 1e30).collect();
    trainer.set_weights(&weights).unwrap();
    let result = trainer.fit(&stripes(88, 1), None, &mut []).unwrap();
    let reason = &result.stopped_by.as_ref().unwrap().reason;
    assert!(reason.contains(": conv2d_1 gives inf, number 0 of training image "), "{reason}");
    assert_eq!(trainer.weights(), weights, "nothing was changed");
}

#[test]
fn a_weight_that_becomes_no_number_is_named() {
    // The gradient is finite, and so is the loss; the update is not.
    let config = config("{ type = \"SGD\", learning_rate = 3e38, momentum = 0.99 }", "", "");
    let mut trainer = trainer(&config, 1);
    let large: Vec<f32> = trainer.weights().iter().map(|w| w * 20.0).collect();
    trainer.set_weights(&large).unwrap();
    let result = trainer.fit(&stripes(88, 1), None, &mut []).unwrap();
    let reason = &result.stopped_by.as_ref().unwrap().reason;
    assert!(reason.contains("the weight ") && reason.contains("] is "), "{reason}");
}

#[test]
fn training_goes_back_and_on_with_a_smaller_rate() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SGD, ROLLBACK, WILD);
    let witness = Witness::default();
    let (trainer, result) = process(&config, folder.path(), &witness, CheckpointEvery::Auto);
    assert!(!result.diverged() && result.stopped_by.is_none(), "{:?}", result.stopped_by);
    assert_eq!(result.history.len(), 3);
    // 1e36 · 1e-15 is still too much, and 1e6 is not.
    let rolled: Vec<_> = result.rollbacks.iter().map(|r| (r.epoch, r.to_step)).collect();
    assert_eq!(rolled, [(1, 6), (1, 6)]);
    assert!((result.learning_rate_factor / 1e-30 - 1.0).abs() < 1e-6);
    let rate = result.history.get("learning_rate").unwrap();
    assert!((rate[2] / 1e6 - 1.0).abs() < 1e-5, "{rate:?}: the logs have the product");
    let said = witness.said.lock().unwrap().clone();
    let told: Vec<_> = said.iter().filter(|line| line.contains("back to the epoch's")).collect();
    assert_eq!(told.len(), 2, "told once each time: {said:?}");
    let events: Vec<&str> =
        said.iter().map(String::as_str).filter(|line| line.len() < 12).collect();
    assert_eq!(
        events,
        [
            "begin 0",
            "end 0",
            "begin 1",
            "back to 1.0",
            "begin 1",
            "back to 1.0",
            "begin 1",
            "end 1",
            "begin 2",
            "end 2"
        ]
    );
    assert_eq!(trainer.steps_taken(), 18);
    let history: serde_json::Value = serde_json::to_value(RunHistory::new(&result, 16)).unwrap();
    assert_eq!(history["rollbacks"][1]["epoch"], 1);
    // Once more than it may is the end.
    let config = Config {
        fit: cnn_train::FitSpec { on_nan: OnNan::Rollback { factor: 0.5, times: 1 }, ..config.fit },
        ..config
    };
    let folder = tempfile::tempdir().unwrap();
    let (_, result) = process_any(&config, folder.path());
    assert!(result.diverged());
    let reason = &result.stopped_by.as_ref().unwrap().reason;
    assert!(reason.ends_with("; training has gone back once"), "{reason}");
}

/// Without the witness, who wants finite losses.
fn process_any(config: &Config, folder: &Path) -> (Trainer, FitResult) {
    let mut trainer = trainer(config, 2);
    let context = BuildContext::new(folder).overwrite(true);
    let mut callbacks = config.build_callbacks(&context).unwrap();
    let result = trainer.fit(&stripes(88, 1), None, &mut callbacks).unwrap();
    (trainer, result)
}

#[test]
fn going_back_gives_the_same_bits_interrupted_after_any_step_and_on_any_number_of_threads() {
    for (optimizer, fit, callbacks) in [
        (SGD, ROLLBACK, WILD),
        (
            "{ type = \"SGD\", momentum = 0.9, use_ema = true, learning_rate = { type = \"ExponentialDecay\", initial_learning_rate = 1e20, decay_rate = 0.1, decay_steps = 6 } }",
            "on_nan = { rollback = 1e-30, times = 9 }",
            "[[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"log.csv\"\n",
        ),
    ] {
        let config = config(optimizer, fit, callbacks);
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::default();
        let (trainer, result) = process(&config, folder.path(), &witness, CheckpointEvery::Never);
        let whole = outcome(&trainer, &result, folder.path());
        assert!(!result.rollbacks.is_empty(), "{:?}", result.stopped_by);
        let (trainer, result) = process_any(&config, tempfile::tempdir().unwrap().path());
        assert_eq!(trainer.weights_hash(), whole.0);
        assert_eq!(result.rollbacks.len(), RunHistory::new(&result, 16).rollbacks.len());
        for after in 1..=20 {
            let folder = tempfile::tempdir().unwrap();
            let witness = Witness { after, ..Witness::default() };
            process(&config, folder.path(), &witness, CheckpointEvery::Never);
            let end = process(&config, folder.path(), &Witness::default(), CheckpointEvery::Never);
            assert_eq!(outcome(&end.0, &end.1, folder.path()), whole, "after {after} batches");
        }
        // And after every second batch.
        let folder = tempfile::tempdir().unwrap();
        let mut ends = (0..60).map(|_| {
            let witness = Witness { after: 2, ..Witness::default() };
            process(&config, folder.path(), &witness, CheckpointEvery::Never)
        });
        let (trainer, result) = ends.find(|end| !end.1.interrupted).unwrap();
        assert_eq!(outcome(&trainer, &result, folder.path()), whole);
    }
}

/// Files by their paths in a folder.
type Files = BTreeMap<std::path::PathBuf, Vec<u8>>;

/// Copies what is on the disk after each batch and message, as a kill would leave it.
struct Copies {
    folder: std::path::PathBuf,
    all: Arc<Mutex<Vec<Files>>>,
}
impl Callback for Copies {
    fn name(&self) -> &'static str {
        "Copies"
    }
    fn on_batch_end(&mut self, _: &BatchEnd<'_>, _: &mut Control) {
        self.all.lock().unwrap().push(files(&self.folder));
    }
    fn on_message(&mut self, _: &Message) {
        self.all.lock().unwrap().push(files(&self.folder));
    }
}

#[test]
fn killed_after_any_checkpoint_of_a_run_that_goes_back_it_ends_with_the_same_bits() {
    let config = config(SGD, ROLLBACK, WILD);
    let folder = tempfile::tempdir().unwrap();
    let every = CheckpointEvery::Steps(1);
    let (trainer, result) = process(&config, folder.path(), &Witness::default(), every);
    let whole = outcome(&trainer, &result, folder.path());
    let folder = tempfile::tempdir().unwrap();
    let all = Arc::new(Mutex::new(Vec::new()));
    let mut one = self::trainer(&config, 1);
    let mut callbacks =
        config.build_callbacks(&BuildContext::new(folder.path()).overwrite(true)).unwrap();
    callbacks.push(Box::new(Copies { folder: folder.path().to_owned(), all: Arc::clone(&all) }));
    let checkpoints = Checkpoints::new(folder.path());
    let plan = Resumable {
        checkpoints: &checkpoints,
        every,
        data: "stripes".to_owned(),
        from: None,
        interrupt: &AtomicBool::new(false),
    };
    let data = stripes(88, 1);
    one.fit_resumable(&data, None, &data, &mut callbacks, plan).unwrap();
    let all = all.lock().unwrap();
    assert!(all.len() >= 20, "{}", all.len());
    for (at, copy) in all.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in copy {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let end = process(&config, folder.path(), &Witness::default(), every);
        assert_eq!(outcome(&end.0, &end.1, folder.path()), whole, "copy {at}");
    }
}

/// Every file of a folder, by its path in it.
fn files(folder: &Path) -> Files {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                all.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    all
}

#[test]
fn a_checkpoint_can_be_taken_up_with_a_smaller_rate() {
    let config = config(
        SGD,
        "",
        "[[callbacks]]\ntype = \"LearningRateScheduler\"\nrates = [[0, 0.05], [1, 1e20]]\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let end = |slower: Option<f32>| {
        let mut trainer = trainer(&config, 1);
        let checkpoints = Checkpoints::new(folder.path());
        let from = checkpoints.latest().unwrap().0;
        let from = from.map(|from| slower.into_iter().fold(from, cnn_train::Checkpoint::slower));
        let mut callbacks = config.build_callbacks(&BuildContext::new(folder.path())).unwrap();
        let plan = Resumable {
            checkpoints: &checkpoints,
            every: CheckpointEvery::Steps(6),
            data: "stripes".to_owned(),
            from,
            interrupt: &AtomicBool::new(false),
        };
        let data = stripes(88, 1);
        trainer.fit_resumable(&data, None, &data, &mut callbacks, plan).unwrap()
    };
    let first = end(None);
    assert!(first.diverged());
    let good = Checkpoints::new(folder.path()).latest().unwrap().0.unwrap();
    assert_eq!(good.position().0, 1, "the last good checkpoint is kept");
    let second = end(Some(1e-25));
    assert!(!second.diverged(), "{:?}", second.stopped_by);
    assert!((second.learning_rate_factor / 1e-25 - 1.0).abs() < 1e-6);
}

#[test]
fn what_on_nan_may_be() {
    for (text, expected) in [
        ("", OnNan::Stop),
        ("on_nan = \"stop\"", OnNan::Stop),
        ("on_nan = \"rollback\"", OnNan::ROLLBACK),
        ("on_nan = { rollback = 0.1 }", OnNan::Rollback { factor: 0.1, times: 3 }),
        ("on_nan = { rollback = 0.25, times = 7 }", OnNan::Rollback { factor: 0.25, times: 7 }),
    ] {
        let read = config(SGD, text, "");
        assert_eq!(read.fit.on_nan, expected, "{text}");
        let written = read.to_toml().unwrap();
        assert_eq!(Config::from_toml("model.toml", &written).unwrap().0, read, "{written}");
        assert_eq!(written.contains("on_nan"), expected != OnNan::Stop, "{written}");
    }
    for (text, says) in [
        ("on_nan = \"ignore\"", "stop"),
        ("on_nan = 3", "rollback = 0.5"),
        ("on_nan = { rollback = 1.5 }", "0 < rollback < 1"),
        ("on_nan = { rollback = 0.5, times = 0 }", "between 1 and 100"),
        ("on_nan = { factor = 0.5 }", "factor"),
    ] {
        let toml = format!("{LAYERS}\n[fit]\n{text}\n");
        let found = Config::from_toml("model.toml", &toml).unwrap_err();
        let shown: Vec<String> = found.iter().map(|one| format!("{one:?}")).collect();
        assert!(shown.concat().contains(says), "{text}: {shown:?}");
    }
}
