//! Callbacks that change the learning rate or have the model saved, in real training.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use cnn_callbacks::{
    BuildContext, Callback, Control, Ending, EpochEnd, LearningRateScheduler, Message, Param,
};
use cnn_train::{Config, FitResult, ModelFile, RunDir, TrainOptions, Trainer, read_npz};
use std::path::Path;
use std::sync::{Arc, Mutex};
use support::{MODEL, stripes, trainer};

/// A trainer and the callbacks of this model.toml, which may write to `folder`.
fn with(callbacks: &str, context: &BuildContext) -> (Trainer, Vec<Box<dyn Callback>>) {
    let toml = format!("{MODEL}validation_split = 0.25\n{callbacks}");
    let (config, _) =
        Config::from_toml("model.toml", &toml).unwrap_or_else(|found| panic!("{found}"));
    let model = config.model.build().unwrap();
    let trainer = Trainer::new(&config, model, TrainOptions::default()).unwrap();
    (trainer, config.build_callbacks(context).unwrap())
}

fn column<'a>(result: &'a FitResult, name: &str) -> &'a [f64] {
    result.history.get(name).unwrap_or_else(|| panic!("no {name}"))
}

/// The rates as the logs hold them: in single precision.
fn single<const N: usize>(rates: [f64; N]) -> [f64; N] {
    rates.map(|rate| f64::from(rate as f32))
}

/// The weights of each epoch's end, what they are, and the messages.
type Kept = (Vec<Vec<f32>>, Vec<Param>, Vec<String>);

/// Keeps them.
#[derive(Clone, Default)]
struct Keep(Arc<Mutex<Kept>>);

impl Callback for Keep {
    fn name(&self) -> &'static str {
        "Keep"
    }
    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _: &mut Control) {
        let mut kept = self.0.lock().unwrap();
        kept.0.push(event.weights.to_vec());
        kept.1 = event.params.to_vec();
    }
    fn on_message(&mut self, message: &Message) {
        self.0.lock().unwrap().2.push(format!("{}: {}", message.by, message.text));
    }
}

const SCHEDULE: &str = "
[[callbacks]]
type = \"LearningRateScheduler\"
rates = [[1, 5e-3], [3, 1e-4]]
verbose = 1
";

#[test]
fn a_schedule_sets_the_rate_of_each_epoch_and_the_history_has_it() {
    let (mut t, mut callbacks) = with(SCHEDULE, &BuildContext::new("."));
    let keep = Keep::default();
    callbacks.push(Box::new(keep.clone()));
    let result = t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
    assert_eq!(column(&result, "learning_rate"), single([1e-3, 5e-3, 5e-3, 1e-4]));
    let names: Vec<&str> = result.history.history.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]);
    let kept = keep.0.lock().unwrap();
    assert_eq!(
        kept.2[1],
        "LearningRateScheduler: Epoch 2: LearningRateScheduler setting learning rate to 0.005."
    );
    let names: Vec<&str> = kept.1.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(names[..2], ["conv2d/kernel", "conv2d/bias"]);
    assert_eq!((kept.1[0].shape.as_slice(), kept.1[0].range.clone()), (&[3, 3, 1, 6][..], 0..54));

    // The same as a function, and as a run whose optimizer begins with that rate.
    let same = |mut callbacks: Vec<Box<dyn Callback>>| {
        let mut t = trainer(&format!("{MODEL}validation_split = 0.25\n"), 1);
        t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
        t.weights_hash()
    };
    let table = |epoch: usize, rate: f64| match epoch {
        0 => rate,
        1 | 2 => 5e-3,
        _ => 1e-4,
    };
    assert_eq!(same(vec![LearningRateScheduler::function(table)]), t.weights_hash());
    assert_ne!(same(Vec::new()), t.weights_hash());
}

#[test]
fn the_rate_goes_down_on_a_plateau() {
    let plateau = "
[[callbacks]]
type = \"ReduceLROnPlateau\"
monitor = \"loss\"
min_delta = 100.0
patience = 1
factor = 0.5
";
    let (mut t, mut callbacks) = with(plateau, &BuildContext::new("."));
    let result = t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
    // Nothing improves by 100, so every epoch but the first lowers it.
    assert_eq!(column(&result, "learning_rate"), single([1e-3, 1e-3, 5e-4, 2.5e-4]));
    assert_eq!(t.learning_rate().to_bits(), (0.125f32 * 1e-3).to_bits());
}

#[test]
fn the_order_of_callbacks_does_not_matter() {
    let parts = [
        SCHEDULE,
        "[[callbacks]]\ntype = \"ReduceLROnPlateau\"\nmonitor = \"loss\"\nmin_delta = 100.0\npatience = 1\n",
        "[[callbacks]]\ntype = \"ReduceLROnPlateau\"\nmonitor = \"loss\"\nmin_delta = 100.0\npatience = 2\nfactor = 0.5\n",
        "[[callbacks]]\ntype = \"ModelCheckpoint\"\nfilepath = \"{epoch}-{learning_rate:.1e}.npz\"\n",
    ];
    let run = |order: [usize; 4]| {
        let folder = tempfile::tempdir().unwrap();
        let toml: String = order.map(|i| parts[i]).concat();
        let (mut t, mut callbacks) = with(&toml, &BuildContext::new(folder.path()));
        let result = t.fit(&stripes(96, 1), None, &mut callbacks).unwrap();
        let files: Vec<Vec<u8>> = names(folder.path())
            .iter()
            .map(|name| std::fs::read(folder.path().join(name)).unwrap())
            .collect();
        (result.history.history, names(folder.path()), files, t.weights_hash())
    };
    let first = run([0, 1, 2, 3]);
    assert_eq!(first.1, ["1-1.0e-03.npz", "2-5.0e-03.npz", "3-5.0e-03.npz", "4-1.0e-04.npz"]);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(run(order), first);
    }
}

/// Every file below, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(names(&path).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn checkpoints_hold_the_weights_of_their_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(&folder.path().join("run"), false).unwrap();
    let checkpoints = "
[[callbacks]]
type = \"ModelCheckpoint\"
filepath = \"all/{epoch:02d}.cnn\"
[[callbacks]]
type = \"ModelCheckpoint\"
filepath = \"last.npz\"
save_freq = 2
[[callbacks]]
type = \"ModelCheckpoint\"
filepath = \"best.cnn\"
save_best_only = true
verbose = 1
";
    let (mut t, mut callbacks) = with(checkpoints, &run.callback_context());
    let classes = ["along", "across", "diagonal"].map(String::from);
    assert!(t.set_class_names(&classes[..2]).is_err());
    t.set_class_names(&classes).unwrap();
    let keep = Keep::default();
    callbacks.push(Box::new(keep.clone()));
    let result = t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
    assert_eq!(result.stopped_by, None);
    let kept = keep.0.lock().unwrap();
    let expected = ["all/01.cnn", "all/02.cnn", "all/03.cnn", "all/04.cnn", "best.cnn", "last.npz"];
    assert_eq!(names(run.path()), expected);
    for epoch in 0..4 {
        let file = ModelFile::load(&run.file(&format!("all/{:02}.cnn", epoch + 1))).unwrap();
        assert_eq!(file.classes, classes);
        let (config, _, weights) = file.unpack().unwrap();
        assert_eq!(weights, kept.0[epoch]);
        assert_eq!(config.callbacks.len(), 3);
    }
    let losses = column(&result, "val_loss");
    let best = (0..4).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    let (_, _, weights) = ModelFile::load(&run.file("best.cnn")).unwrap().unpack().unwrap();
    assert_eq!(weights, kept.0[best]);
    assert!(kept.2[0].starts_with("ModelCheckpoint: Epoch 1: val_loss improved from None to "));
    // 96 images in batches of 32: three steps an epoch, so the twelfth and last step was saved.
    let tensors = read_npz(&run.file("last.npz")).unwrap();
    let flat: Vec<f32> = tensors.iter().flat_map(|tensor| tensor.values.clone()).collect();
    assert_eq!(flat.len(), t.weights().len());
    t.set_named_weights(&tensors).unwrap();
    assert_eq!(t.weights(), kept.0[3]);
}

#[test]
fn a_checkpoint_replaces_nothing_that_was_there_unless_it_may() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("best.cnn"), b"precious").unwrap();
    let checkpoint = "[[callbacks]]\ntype = \"ModelCheckpoint\"\nfilepath = \"best.cnn\"\n";
    let context = BuildContext::new(folder.path());
    let (mut t, mut callbacks) = with(checkpoint, &context);
    let result = t.fit(&stripes(64, 1), None, &mut callbacks).unwrap();
    let stop = result.stopped_by.unwrap();
    assert_eq!((stop.by.as_str(), stop.ending), ("ModelCheckpoint", Ending::Failed));
    assert!(stop.reason.contains("best.cnn"), "{}", stop.reason);
    assert_eq!(std::fs::read(folder.path().join("best.cnn")).unwrap(), b"precious");
    assert_eq!((result.history.len(), names(folder.path()).len()), (1, 1));

    let (mut t, mut callbacks) = with(checkpoint, &context.overwrite(true));
    let result = t.fit(&stripes(64, 1), None, &mut callbacks).unwrap();
    assert_eq!(result.stopped_by, None);
    let (_, _, weights) =
        ModelFile::load(&folder.path().join("best.cnn")).unwrap().unpack().unwrap();
    assert_eq!(weights, t.weights());
}

#[test]
fn weights_that_are_no_numbers_are_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = "
[[callbacks]]
type = \"ModelCheckpoint\"
filepath = \"{epoch}.cnn\"
[[callbacks]]
type = \"LearningRateScheduler\"
rates = [[1, 1e38]]
";
    let (mut t, mut callbacks) = with(checkpoint, &BuildContext::new(folder.path()));
    let result = t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
    let stop = result.stopped_by.unwrap();
    assert_eq!((stop.by.as_str(), stop.ending), ("on_nan", Ending::Diverged));
    assert!(stop.reason.starts_with("epoch 2/"), "{}", stop.reason);
    assert_eq!(names(folder.path()), ["1.cnn"]);
}

#[test]
fn a_board_shows_every_weight_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let board = "
[[callbacks]]
type = \"TensorBoard\"
histogram_freq = 1
write_images = true
update_freq = \"batch\"
";
    let (mut t, mut callbacks) = with(board, &BuildContext::new(folder.path()));
    let result = t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
    assert_eq!(result.stopped_by, None);
    let files = names(&folder.path().join("logs"));
    assert!(files.len() == 2 && files[0].starts_with("train/events"), "{files:?}");
    let train = std::fs::read(folder.path().join("logs").join(&files[0])).unwrap();
    let count =
        |text: &str| train.windows(text.len()).filter(|part| *part == text.as_bytes()).count();
    for param in t.model().params() {
        for kind in ["histogram", "image"] {
            assert_eq!(count(&format!("{}/{kind}", param.name)), 4, "{} {kind}", param.name);
        }
    }
    assert_eq!(
        (count("batch_loss"), count("epoch_loss"), count("epoch_learning_rate")),
        (12, 4, 4)
    );
}

#[test]
fn a_time_budget_ends_training() {
    let budget = "[[callbacks]]\ntype = \"TimeBudget\"\nseconds = 1e-9\n";
    let (mut t, mut callbacks) = with(budget, &BuildContext::new("."));
    let result = t.fit(&stripes(128, 1), None, &mut callbacks).unwrap();
    assert_eq!((t.steps_taken(), result.stopped_by.unwrap().by), (1, "TimeBudget".to_owned()));
}
