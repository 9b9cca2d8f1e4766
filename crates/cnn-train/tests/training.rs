//! The training loop: it learns, it is repeatable, and it reports as Keras does.

mod support;

use cnn_callbacks::{
    BatchEnd, Callback, CallbackSpec, Control, Ending, EpochBegin, EpochEnd, Logs, StopAt,
    TrainBegin, TrainEnd,
};
use cnn_data::Split;
use cnn_train::{ErrorKind, TrainError, Trainer};
use std::sync::{Arc, Mutex};
use support::{MODEL, stripes, trainer};

fn with(line: &str) -> String {
    MODEL.replace("epochs = 4", line)
}

fn fit(trainer: &mut Trainer, data: &Split) -> cnn_train::FitResult {
    trainer.fit(data, None, &mut []).expect("sound data")
}

#[test]
fn a_small_model_learns_a_small_task() {
    let mut t = trainer(MODEL, 2);
    let before = t.evaluate(&stripes(300, 9)).unwrap();
    let result = fit(&mut t, &stripes(900, 1));
    let after = t.evaluate(&stripes(300, 9)).unwrap();
    assert!(
        before.accuracy < 0.7 && after.accuracy > 0.97,
        "{} → {}",
        before.accuracy,
        after.accuracy
    );
    assert!(after.loss < before.loss);
    let losses = result.history.get("loss").unwrap();
    assert_eq!(losses.len(), 4);
    assert!(losses[3] < losses[0]);
    assert_eq!(
        (result.samples, result.validation_samples, result.stopped_by.clone()),
        (900, 0, None)
    );
    assert!(!result.diverged() && result.mean_images_per_second() > 0.0);
    assert_eq!(t.steps_taken(), 4 * 29);
    assert_eq!(after.confusion.iter().sum::<u64>(), 300);
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let data = stripes(333, 1);
    let hash = |seed: u64, threads| {
        let mut t = trainer(
            &MODEL
                .replace("seed = 7", &format!("seed = {seed}"))
                .replace("epochs = 4", "epochs = 2"),
            threads,
        );
        fit(&mut t, &data);
        t.weights_hash()
    };
    let one = hash(7, 1);
    assert_eq!([hash(7, 2), hash(7, 5), hash(7, 1)], [one.clone(), one.clone(), one.clone()]);
    assert_ne!(hash(8, 1), one);
    assert_eq!(one.len(), 64);
}

#[test]
fn shuffle_can_be_switched_off() {
    let data = stripes(96, 1);
    let hash = |line: &str| {
        let mut t = trainer(&with(line), 1);
        fit(&mut t, &data);
        t.weights_hash()
    };
    assert_ne!(hash("epochs = 1"), hash("epochs = 1\nshuffle = false"));
}

/// Collects the events as text.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    fn add(&self, text: String) {
        self.0.lock().expect("no test panicked").push(text);
    }
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panicked"))
    }
}

fn names(logs: &Logs) -> String {
    logs.iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

impl Callback for Trace {
    fn name(&self) -> &'static str {
        "Trace"
    }
    fn on_train_begin(&mut self, e: &TrainBegin<'_>, _: &mut Control) {
        self.add(format!("train {} {} {} {:?}", e.epochs, e.steps, e.samples, e.metrics));
    }
    fn on_epoch_begin(&mut self, e: &EpochBegin, _: &mut Control) {
        self.add(format!("epoch {}/{} {}", e.epoch, e.epochs, e.steps));
    }
    fn on_batch_end(&mut self, e: &BatchEnd<'_>, _: &mut Control) {
        self.add(format!("batch {}/{} {}", e.step, e.steps, names(e.logs)));
    }
    fn on_epoch_end(&mut self, e: &EpochEnd<'_>, _: &mut Control) {
        self.add(format!("end {} {} {}", e.epoch, e.samples, names(e.logs)));
    }
    fn on_train_end(&mut self, e: &TrainEnd<'_>, _: &mut Control) {
        self.add(format!("train end {} {}", e.epochs, e.stopped_by.map_or("", |s| s.by.as_str())));
    }
}

#[test]
fn events_come_in_keras_order_and_the_last_partial_batch_is_used() {
    // 0.25 of 100 images: 75 to train on, in batches of 32, 32 and 11.
    let mut t = trainer(&with("epochs = 1\nvalidation_split = 0.25"), 1);
    let trace = Trace::default();
    t.fit(&stripes(100, 1), None, &mut [Box::new(trace.clone())]).unwrap();
    let metrics = "[\"accuracy\", \"loss\", \"val_accuracy\", \"val_loss\"]";
    let expected = [
        format!("train 1 3 75 {metrics}"),
        "epoch 0/1 3".into(),
        "batch 0/3 accuracy loss".into(),
        "batch 1/3 accuracy loss".into(),
        "batch 2/3 accuracy loss".into(),
        "end 0 75 accuracy loss val_accuracy val_loss".into(),
        "train end 1 ".into(),
    ];
    assert_eq!(trace.take(), expected);
}

#[test]
fn no_epochs_means_no_training() {
    let mut t = trainer(&with("epochs = 0"), 1);
    let before = t.weights_hash();
    let trace = Trace::default();
    let result = t.fit(&stripes(10, 1), None, &mut [Box::new(trace.clone())]).unwrap();
    assert_eq!(trace.take().len(), 2);
    assert!(result.history.is_empty() && t.weights_hash() == before);
}

#[test]
fn running_means_weigh_a_batch_by_its_size() {
    // With a learning rate of 0 the weights stand still, so the mean over batches is the mean over all images.
    let toml = format!(
        "{}\n[compile]\noptimizer = {{ type = \"SGD\", learning_rate = 0.0 }}\n",
        with("epochs = 1")
    );
    let mut t = trainer(&toml, 1);
    let data = stripes(75, 1);
    let result = fit(&mut t, &data);
    let whole = t.evaluate(&data).unwrap();
    assert!((result.history.get("loss").unwrap()[0] - whole.loss).abs() < 1e-6);
    assert!((result.history.get("accuracy").unwrap()[0] - whole.accuracy).abs() < 1e-9);
}

#[test]
fn validation_is_the_last_part_measured_with_the_weights_after_the_epoch() {
    let mut t = trainer(&with("epochs = 2\nvalidation_split = 0.3"), 1);
    let data = stripes(101, 1);
    let result = fit(&mut t, &data);
    // ⌊101 · 0.7⌋ = 70
    assert_eq!((result.samples, result.validation_samples), (70, 31));
    let last = Split {
        images: cnn_data::Images::U8(u8s(&data).slice(ndarray::s![70.., .., .., ..]).to_owned()),
        labels: data.labels[70..].to_vec(),
    };
    let measured = t.evaluate(&last).unwrap();
    assert!((result.history.get("val_loss").unwrap()[1] - measured.loss).abs() < 1e-9);
    assert!((result.history.get("val_accuracy").unwrap()[1] - measured.accuracy).abs() < 1e-9);
}

fn u8s(split: &Split) -> &ndarray::Array4<u8> {
    match &split.images {
        cnn_data::Images::U8(images) => images,
        cnn_data::Images::F32(_) => panic!("bytes were expected"),
    }
}

#[test]
fn a_metric_keeps_the_name_that_the_user_gave() {
    let toml = format!("{}\n[compile]\nmetrics = [\"acc\"]\n", with("epochs = 1"));
    let result = fit(&mut trainer(&toml, 1), &stripes(40, 1));
    assert!(result.history.get("acc").is_some() && result.history.get("accuracy").is_none());
    let toml = format!("{}\n[compile]\nmetrics = []\n", with("epochs = 1"));
    let result = fit(&mut trainer(&toml, 1), &stripes(40, 1));
    assert_eq!(result.history.history.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["loss"]);
}

#[test]
fn a_wrong_monitor_is_refused_before_the_first_epoch() {
    let mut t = trainer(MODEL, 1);
    let trace = Trace::default();
    let stop = StopAt { monitor: "val_accuracy".into(), ..StopAt::accuracy(0.9) };
    let stop = CallbackSpec::StopAt(stop).build(&cnn_callbacks::BuildContext::new(".")).unwrap();
    let error = t.fit(&stripes(40, 1), None, &mut [Box::new(trace.clone()), stop]).unwrap_err();
    assert!(matches!(error, TrainError::Monitors(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("`accuracy`, `loss`") && text.contains("validation_split"), "{text}");
    assert_eq!((error.kind(), error.code(), trace.take().len()), (ErrorKind::Model, "M064", 0));
}

/// Does one thing at one event.
struct At<F>(&'static str, F);

impl<F: FnMut(&mut Control) + Send> Callback for At<F> {
    fn name(&self) -> &'static str {
        "At"
    }
    fn on_train_begin(&mut self, _: &TrainBegin<'_>, control: &mut Control) {
        if self.0 == "train_begin" {
            (self.1)(control);
        }
    }
    fn on_batch_end(&mut self, _: &BatchEnd<'_>, control: &mut Control) {
        if self.0 == "batch_end" {
            (self.1)(control);
        }
    }
    fn on_epoch_end(&mut self, _: &EpochEnd<'_>, control: &mut Control) {
        if self.0 == "epoch_end" {
            (self.1)(control);
        }
    }
    fn on_train_end(&mut self, _: &TrainEnd<'_>, control: &mut Control) {
        if self.0 == "train_end" {
            (self.1)(control);
        }
    }
}

#[test]
fn a_stop_at_any_event_ends_training_as_the_events_table_says() {
    for (event, epochs, batches) in
        [("train_begin", 0, 0), ("batch_end", 1, 1), ("epoch_end", 1, 3)]
    {
        let mut t = trainer(MODEL, 1);
        let trace = Trace::default();
        let stop = At(event, |control: &mut Control| control.stop("At", "enough"));
        let result =
            t.fit(&stripes(96, 1), None, &mut [Box::new(stop), Box::new(trace.clone())]).unwrap();
        let lines = trace.take();
        let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(
            (count("epoch"), count("batch"), count("end"), result.history.len()),
            (epochs, batches, epochs, epochs),
            "{event}"
        );
        assert_eq!(lines.last().unwrap(), &format!("train end {epochs} At"));
        assert_eq!(result.stopped_by.unwrap().reason, "enough");
    }
}

#[test]
fn a_restore_at_the_end_is_done() {
    let mut t = trainer(&with("epochs = 1"), 1);
    let wanted = vec![0.25f32; t.weights().len()];
    let copy = wanted.clone();
    let restore = At("train_end", move |control: &mut Control| {
        control.restore("At", copy.clone(), "quarters");
    });
    let result = t.fit(&stripes(64, 1), None, &mut [Box::new(restore)]).unwrap();
    assert_eq!(result.restored.as_deref(), Some("quarters"));
    assert_eq!(t.weights(), wanted);
}

#[test]
fn a_new_learning_rate_counts_from_the_next_batch() {
    let mut t = trainer(&with("epochs = 1"), 1);
    let freeze = At("batch_end", |control: &mut Control| control.set_learning_rate(0.0));
    t.fit(&stripes(96, 1), None, &mut [Box::new(freeze)]).unwrap();
    let frozen = t.weights_hash();
    let mut t = trainer(&with("epochs = 1"), 1);
    let stop = At("batch_end", |control: &mut Control| control.stop("At", "one batch"));
    t.fit(&stripes(96, 1), None, &mut [Box::new(stop)]).unwrap();
    assert_eq!(frozen, t.weights_hash());
}

#[test]
fn divergence_is_seen() {
    let toml = format!(
        "{MODEL}\n[compile]\noptimizer = {{ type = \"SGD\", learning_rate = 1e30 }}\n[[callbacks]]\ntype = \"TerminateOnNaN\"\n"
    );
    let (config, _) = cnn_train::Config::from_toml("model.toml", &toml).unwrap();
    let mut callbacks = config.build_callbacks(&cnn_callbacks::BuildContext::new(".")).unwrap();
    let result = trainer(&toml, 1).fit(&stripes(96, 1), None, &mut callbacks).unwrap();
    assert_eq!(result.stopped_by.as_ref().unwrap().ending, Ending::Diverged);
    assert!(result.diverged());
}

#[test]
fn data_that_does_not_fit_is_refused_with_numbers() {
    let mut t = trainer(MODEL, 1);
    let mut data = stripes(20, 1);
    data.labels[13] = 3;
    let error = t.fit(&data, None, &mut []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "training data: image 13 has the label 3, but the model has 3 outputs (labels 0 to 2)"
    );
    assert_eq!(error.kind(), ErrorKind::Data);
    let wide = Split {
        images: cnn_data::Images::U8(ndarray::Array4::zeros((2, 8, 9, 1))),
        labels: vec![0, 1],
    };
    let error = t.evaluate(&wide).unwrap_err();
    assert!(
        error.to_string().contains("[8, 9, 1]") && error.to_string().contains("[8, 8, 1]"),
        "{error}"
    );
    let none = Split {
        images: cnn_data::Images::U8(ndarray::Array4::zeros((0, 8, 8, 1))),
        labels: vec![],
    };
    assert!(matches!(t.fit(&none, None, &mut []), Err(TrainError::Empty { .. })));
    let mut short = stripes(20, 1);
    short.labels.pop();
    assert_eq!(
        t.fit(&short, None, &mut []).unwrap_err().to_string(),
        "training data: 20 images, but 19 labels"
    );
    let mut t = trainer(&with("validation_split = 0.9"), 1);
    let error = t.fit(&stripes(5, 1), None, &mut []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "validation_split = 0.9 of 5 images leaves 0 for training and 5 for validation"
    );
    assert!(matches!(
        t.predict(&[0.0; 63]),
        Err(TrainError::InputLength { expected: 64, got: 63 })
    ));
}

#[test]
fn what_would_be_refused_can_be_asked_before() {
    let (data, test) = (stripes(40, 1), stripes(9, 2));
    let folds = with("epochs = 4\nfold = \"1/50\"");
    let share = with("epochs = 4\nvalidation_split = 0.99");
    for (toml, code) in [(&folds, "T004"), (&share, "T004")] {
        let mut t = trainer(toml, 1);
        let asked = t.check_fit(&data, &test, &mut []).unwrap_err();
        assert_eq!(asked.code(), code);
        assert_eq!(asked.to_string(), t.fit(&data, None, &mut []).unwrap_err().to_string());
    }
    let mut beyond = stripes(9, 2);
    beyond.labels[3] = 3;
    assert_eq!(trainer(MODEL, 1).check_fit(&data, &beyond, &mut []).unwrap_err().code(), "T002");
    // Asking changes nothing.
    let [mut asked, mut t] = [1, 1].map(|threads| trainer(MODEL, threads));
    asked.check_fit(&data, &test, &mut []).unwrap();
    assert_eq!((asked.steps_taken(), asked.weights_hash()), (0, t.weights_hash()));
    fit(&mut asked, &data);
    fit(&mut t, &data);
    assert_eq!(asked.weights_hash(), t.weights_hash());
}

#[test]
fn a_batch_that_cannot_fit_into_memory_is_refused() {
    let toml = "input = [512, 512, 1]\n[[layers]]\ntype = \"Conv2D\"\nfilters = 64\nkernel_size = 3\n\
                [[layers]]\ntype = \"MaxPooling2D\"\npool_size = 16\n[[layers]]\ntype = \"Flatten\"\n\
                [[layers]]\ntype = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n[fit]\nbatch_size = 100000\n";
    let data = Split {
        images: cnn_data::Images::U8(ndarray::Array4::zeros((500, 512, 512, 1))),
        labels: vec![0; 500],
    };
    let error = trainer(toml, 1).fit(&data, None, &mut []).unwrap_err();
    assert!(matches!(error, TrainError::Memory { batch_size: 500, .. }), "{error}");
}

#[test]
fn predictions_are_probabilities_and_agree_with_the_confusion_matrix() {
    let mut t = trainer(&with("epochs = 2"), 2);
    let data = stripes(60, 1);
    fit(&mut t, &data);
    let pixels: Vec<f32> = u8s(&data).iter().map(|&b| f32::from(b) / 255.0).collect();
    let probabilities = t.predict(&pixels).unwrap();
    assert_eq!(probabilities, t.predict_split(&data, &(0..60).collect::<Vec<_>>()).unwrap());
    for row in probabilities.chunks_exact(3) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let evaluation = t.evaluate(&data).unwrap();
    let right = probabilities.chunks_exact(3).zip(&data.labels).filter(|(row, label)| {
        let best = row.iter().copied().fold(f32::MIN, f32::max);
        row.iter().position(|&p| p >= best) == Some(**label as usize)
    });
    assert_eq!(right.count(), (evaluation.accuracy * 60.0).round() as usize);
}
