//! Scripted runs: what each callback does, beyond what Keras's own traces show.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared with golden.rs; each test binary uses a part of it")]
mod support;

use cnn_callbacks::{
    BatchEnd, BuildContext, CSVLogger, Callback, CallbackSpec, Control, EarlyStopping, Ending,
    EpochBegin, EpochEnd, History, LearningRateScheduler, Logs, Message, Mode, ModelCheckpoint,
    ProgressBar, ReduceLROnPlateau, Stop, StopAt, Style, TerminateOnNaN, TimeBudget, TrainBegin,
    TrainEnd,
};
use proptest::prelude::*;
use std::io::{Error, ErrorKind, Write};
use std::sync::{Arc, Mutex};
use support::{Epoch, Outcome, Paper, epochs, run};

fn build(spec: &CallbackSpec) -> Box<dyn Callback> {
    spec.build(&BuildContext::new("run")).unwrap()
}

fn stop_at(spec: StopAt, metric: &str, values: &[f64]) -> Outcome {
    run(&mut [build(&CallbackSpec::StopAt(spec))], &epochs(metric, values))
}

fn early(spec: EarlyStopping, values: &[f64]) -> Outcome {
    run(&mut [build(&CallbackSpec::EarlyStopping(spec))], &epochs("val_loss", values))
}

#[test]
fn stop_at_says_the_course_s_sentence() {
    let outcome = stop_at(StopAt::accuracy(0.995), "accuracy", &[0.97, 0.994_999, 0.995, 0.999]);
    let stop = outcome.stopped_by.unwrap();
    assert_eq!((outcome.epochs, stop.by.as_str(), stop.ending), (3, "StopAt", Ending::Requested));
    assert_eq!(stop.reason, "\nReached 99.5% accuracy so cancelling training!");
}

#[test]
fn the_default_message_follows_threshold_and_monitor() {
    let message =
        |spec: StopAt, metric: &str| stop_at(spec, metric, &[0.01, 1.0]).stopped_by.unwrap().reason;
    for (threshold, percent) in
        [(0.9, "90%"), (0.6, "60%"), (1.0, "100%"), (0.07, "7%"), (0.29, "29%"), (0.9985, "99.85%")]
    {
        let text = format!("\nReached {percent} accuracy so cancelling training!");
        assert_eq!(message(StopAt::accuracy(threshold), "accuracy"), text);
    }
    let val = StopAt { monitor: "val_accuracy".into(), ..StopAt::accuracy(0.9) };
    assert_eq!(message(val, "val_accuracy"), "\nReached 90% val_accuracy so cancelling training!");
    let loss = StopAt { monitor: "loss".into(), ..StopAt::accuracy(0.25) };
    assert_eq!(message(loss.clone(), "loss"), "\nReached 0.25 loss so cancelling training!");
    assert_eq!(message(StopAt { message: Some("Enough.".into()), ..loss }, "loss"), "Enough.");
}

#[test]
fn stop_at_knows_which_way_is_better() {
    let loss = StopAt { monitor: "val_loss".into(), ..StopAt::accuracy(0.3) };
    assert_eq!(stop_at(loss.clone(), "val_loss", &[0.9, 0.31, 0.3, 0.2]).epochs, 3);
    assert_eq!(
        stop_at(StopAt { mode: Mode::Max, ..loss }, "val_loss", &[0.2, 0.31, 0.1]).epochs,
        2
    );
    let nan = stop_at(StopAt::accuracy(0.5), "accuracy", &[f64::NAN, f64::NAN]);
    assert!(nan.stopped_by.is_none());
}

#[test]
fn a_nan_is_never_the_best_value() {
    // In Keras the NaN of the first epoch would be the best for ever, and training would stop at the second.
    let spec =
        EarlyStopping { restore_best_weights: true, patience: 2, ..EarlyStopping::default() };
    let outcome = early(spec.clone(), &[f64::NAN, 0.5, 0.4, f64::NAN, 0.45, 0.3]);
    assert_eq!((outcome.epochs, outcome.restored.unwrap().weights), (5, vec![2.0]));
    let nothing = early(spec, &[f64::NAN; 5]);
    assert_eq!((nothing.epochs, nothing.restored), (2, None));
    assert!(nothing.stopped_by.unwrap().reason.contains("val_loss has not been a number yet"));
}

#[test]
fn early_stopping_says_what_it_does() {
    let spec =
        EarlyStopping { restore_best_weights: true, patience: 2, ..EarlyStopping::default() };
    let outcome = early(spec, &[0.5, 0.25, 0.3, 0.26, 0.1]);
    let stop = outcome.stopped_by.unwrap();
    assert_eq!(
        stop.reason,
        "Epoch 4: early stopping, val_loss has not improved on 0.2500 of epoch 2"
    );
    let restored = outcome.restored.unwrap();
    assert_eq!(restored.reason, "Restoring model weights from the end of the best epoch: 2.");
    assert_eq!((restored.by.as_str(), restored.weights), ("EarlyStopping", vec![1.0]));
}

#[test]
fn the_best_weights_come_back_whatever_ended_training() {
    let spec =
        EarlyStopping { restore_best_weights: true, patience: 9, ..EarlyStopping::default() };
    let early = || build(&CallbackSpec::EarlyStopping(spec.clone()));
    let full = run(&mut [early()], &epochs("val_loss", &[0.5, 0.2, 0.3]));
    assert_eq!((full.stopped_by, full.restored.unwrap().weights), (None, vec![1.0]));
    let stop = build(&CallbackSpec::StopAt(StopAt {
        monitor: "val_loss".into(),
        mode: Mode::Max,
        ..StopAt::accuracy(0.6)
    }));
    let stopped = run(&mut [stop, early()], &epochs("val_loss", &[0.5, 0.2, 0.7, 0.1]));
    assert_eq!(
        (stopped.stopped_by.unwrap().by.as_str(), stopped.restored.unwrap().weights),
        ("StopAt", vec![1.0])
    );
    let mut script = epochs("val_loss", &[0.5, 0.2, f64::NAN]);
    for (i, epoch) in script.iter_mut().enumerate() {
        let loss = if i == 2 { f64::NAN } else { 1.0 };
        epoch.batches = vec![([("loss", loss)].into_iter().collect(), 0.1); 3];
    }
    let nan = build(&CallbackSpec::TerminateOnNaN(TerminateOnNaN {}));
    let diverged = run(&mut [nan, early()], &script);
    assert_eq!(diverged.stopped_by.unwrap().ending, Ending::Diverged);
    assert_eq!(
        (diverged.epochs, diverged.batches, diverged.restored.unwrap().weights),
        (3, 1, vec![1.0])
    );
}

#[test]
fn a_time_budget_ends_training_at_a_step_or_at_an_epoch_s_end() {
    let budget = |spec: TimeBudget, times: &[f64], batches: usize| {
        let mut script = epochs("loss", &vec![0.5; times.len()]);
        for (epoch, &trained) in script.iter_mut().zip(times) {
            epoch.trained = trained;
            epoch.batches = vec![([("loss", 0.5)].into_iter().collect(), 0.1); batches];
        }
        run(&mut [build(&CallbackSpec::TimeBudget(spec))], &script)
    };
    let two = TimeBudget { minutes: 1.0, seconds: 30.0 };
    let outcome = budget(two.clone(), &[40.0, 80.0, 90.0, 130.0], 4);
    assert_eq!((outcome.epochs, outcome.batches), (3, 1), "at the first step at 90 s");
    let stop = outcome.stopped_by.unwrap();
    assert_eq!((stop.by.as_str(), stop.ending), ("TimeBudget", Ending::Requested));
    assert_eq!(stop.reason, "Epoch 3: the time budget of 90 s is spent, after 90.0 s of training");
    // Without steps that are looked at, the end of the epoch tells.
    assert_eq!(budget(two.clone(), &[40.0, 95.0, 130.0], 0).epochs, 2);
    assert_eq!(budget(two, &[40.0, 80.0], 4).stopped_by, None);
}

#[test]
fn a_nan_never_counts_as_better() {
    // In Keras the NaN of the first epoch would be the best value for ever.
    let values = [f64::NAN, 0.5, f64::NAN, 0.6, 0.4];
    let plateau = ReduceLROnPlateau { patience: 2, ..ReduceLROnPlateau::default() };
    let outcome =
        run(&mut [build(&CallbackSpec::ReduceLROnPlateau(plateau))], &epochs("val_loss", &values));
    let reduced = (f64::from(0.001_f32) * 0.1) as f32;
    assert_eq!(outcome.rates, [0.001, 0.001, 0.001, 0.001, reduced, reduced]);
    let folder = tempfile::tempdir().unwrap();
    let best =
        ModelCheckpoint { save_best_only: true, verbose: 1, ..ModelCheckpoint::new("{epoch}.cnn") };
    let mut callbacks = [best.build(&BuildContext::new(folder.path())).unwrap()];
    let outcome = run(&mut callbacks, &epochs("val_loss", &values));
    let epochs: Vec<usize> = outcome.saves.iter().map(|(epoch, _, _)| *epoch).collect();
    assert_eq!(epochs, [1, 4]);
    assert_eq!(outcome.said[0], "Epoch 1: val_loss did not improve from None");
    assert_eq!(
        outcome.said[1],
        "Epoch 2: val_loss improved from None to 0.50000, saving model to 2.cnn"
    );
}

#[test]
fn a_schedule_that_gives_no_rate_ends_training() {
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        let mut callbacks = [LearningRateScheduler::function(
            move |epoch, rate| if epoch < 1 { rate } else { bad },
        )];
        let stop = run(&mut callbacks, &epochs("loss", &[0.5; 4])).stopped_by.unwrap();
        assert_eq!((stop.by.as_str(), stop.ending), ("LearningRateScheduler", Ending::Failed));
        assert!(stop.reason.starts_with("Epoch 2: the schedule gave "), "{}", stop.reason);
    }
}

#[test]
fn messages_begin_a_line_of_their_own() {
    let paper = Paper::default();
    let mut bar = ProgressBar::new(Box::new(paper.clone()), Style::Bar { colour: false });
    let (logs, mut control) = ([("loss", 0.5)].into_iter().collect(), Control::new());
    let message = Message { by: "ModelCheckpoint".into(), text: "Epoch 1: saved".into() };
    bar.on_epoch_begin(&EpochBegin { epochs: 1, steps: 2, ..EpochBegin::default() }, &mut control);
    bar.on_message(&message);
    for step in 0..2 {
        let event = BatchEnd { step, steps: 2, elapsed: 1.0, ..BatchEnd::of(&logs) };
        bar.on_batch_end(&event, &mut control);
        bar.on_message(&message);
    }
    bar.on_epoch_end(
        &EpochEnd { epochs: 1, steps: 2, elapsed: 1.0, ..EpochEnd::of(&logs) },
        &mut control,
    );
    bar.on_message(&message);
    let starts: Vec<String> = paper
        .text()
        .lines()
        .map(|line| line.trim_start_matches('\r').chars().take(7).collect())
        .collect();
    assert_eq!(starts, ["Epoch 1", "1/2 ━━━", "Epoch 1", "Epoch 1", "2/2 ━━━", "Epoch 1"]);
}

#[test]
fn a_callback_used_again_starts_afresh() {
    let spec =
        EarlyStopping { patience: 1, restore_best_weights: true, ..EarlyStopping::default() };
    let mut callbacks = [build(&CallbackSpec::EarlyStopping(spec)), Box::new(History::new())];
    for _ in 0..2 {
        let outcome = run(&mut callbacks, &epochs("val_loss", &[0.5, 0.6, 0.1]));
        assert_eq!((outcome.epochs, outcome.restored.unwrap().weights), (2, vec![0.0]));
    }
}

/// Writes down which events it gets.
struct Spy(Arc<Mutex<Vec<&'static str>>>);

impl Spy {
    fn note(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }
}

impl Callback for Spy {
    fn name(&self) -> &'static str {
        "Spy"
    }
    fn on_train_begin(&mut self, _: &TrainBegin<'_>, _: &mut Control) {
        self.note("train_begin");
    }
    fn on_epoch_begin(&mut self, _: &EpochBegin, _: &mut Control) {
        self.note("epoch_begin");
    }
    fn on_batch_end(&mut self, _: &BatchEnd<'_>, _: &mut Control) {
        self.note("batch_end");
    }
    fn on_epoch_end(&mut self, _: &EpochEnd<'_>, _: &mut Control) {
        self.note("epoch_end");
    }
    fn on_train_end(&mut self, _: &TrainEnd<'_>, _: &mut Control) {
        self.note("train_end");
    }
}

#[test]
fn the_table_of_events_holds() {
    let batch = |loss: f64| ([("loss", loss)].into_iter().collect::<Logs>(), 0.0);
    let good = Epoch { batches: vec![batch(1.0), batch(1.0)], ..epochs("loss", &[0.5])[0].clone() };
    let bad = Epoch { batches: vec![batch(f64::NAN), batch(1.0)], ..good.clone() };
    let at_once = StopAt { monitor: "loss".into(), ..StopAt::accuracy(0.5) };
    let (nan, at_once) =
        (CallbackSpec::TerminateOnNaN(TerminateOnNaN {}), CallbackSpec::StopAt(at_once));
    let no_file = CallbackSpec::CSVLogger(CSVLogger::new("log.csv"));
    let one = "epoch_begin batch_end batch_end epoch_end";
    for (spec, script, expected) in [
        (&nan, vec![good.clone(), good.clone()], format!("train_begin {one} {one} train_end")),
        (&at_once, vec![good.clone(), good.clone()], format!("train_begin {one} train_end")),
        (
            &nan,
            vec![good.clone(), bad],
            format!("train_begin {one} epoch_begin batch_end epoch_end train_end"),
        ),
        (&no_file, vec![good], "train_begin train_end".to_owned()),
    ] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let file_as_folder = BuildContext::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let mut callbacks =
            [spec.build(&file_as_folder).unwrap(), Box::new(Spy(Arc::clone(&seen)))];
        run(&mut callbacks, &script);
        assert_eq!(seen.lock().unwrap().join(" "), expected);
    }
}

#[test]
fn the_csv_logger_replaces_nothing_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let context = BuildContext::new(folder.path());
    let log = |context: &BuildContext, spec: CSVLogger, metric: &str| {
        run(&mut [spec.build(context).unwrap()], &epochs(metric, &[0.5])).stopped_by
    };
    let spec = CSVLogger::new("a/b/log.csv");
    assert_eq!(log(&context, spec.clone(), "loss"), None);
    let refused = log(&context, spec.clone(), "loss").unwrap();
    assert_eq!(refused.ending, Ending::Failed);
    assert!(
        refused.reason.contains("the file exists; use another filename, or `append = true`"),
        "{}",
        refused.reason
    );
    assert_eq!(log(&context.clone().overwrite(true), spec.clone(), "accuracy"), None);
    let text = std::fs::read_to_string(folder.path().join("a/b/log.csv")).unwrap();
    assert_eq!(text, "epoch,accuracy,val_accuracy\r\n0,0.5,NA\r\n");
    let other = log(&context, CSVLogger { append: true, ..spec }, "loss").unwrap();
    assert!(
        other.reason.contains("it has the columns epoch, accuracy, val_accuracy"),
        "{}",
        other.reason
    );
}

#[test]
#[cfg(unix)]
fn the_csv_logger_follows_no_link_out_of_the_run_folder() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(outside.path(), folder.path().join("logs")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.csv"), folder.path().join("log.csv"))
        .unwrap();
    for name in ["logs/log.csv", "log.csv"] {
        let spec = CSVLogger { append: true, ..CSVLogger::new(name) };
        let mut callbacks = [spec.build(&BuildContext::new(folder.path())).unwrap()];
        let stop = run(&mut callbacks, &epochs("loss", &[0.5])).stopped_by.unwrap();
        assert!(stop.reason.contains("a link leads out of the run folder"), "{}", stop.reason);
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn history_keeps_every_epoch_and_survives_json() {
    let mut history = History::new();
    let (mut control, first) =
        (Control::new(), [("loss", 0.5), ("accuracy", f64::NAN)].into_iter().collect());
    let second = [("loss", 0.25), ("val_loss", 0.75)].into_iter().collect();
    history.on_train_begin(
        &TrainBegin { epochs: 5, steps: 10, samples: 320, ..TrainBegin::of(&[]) },
        &mut control,
    );
    for (epoch, logs) in [&first, &second].into_iter().enumerate() {
        let (samples, elapsed) = (320, 1.5);
        let event =
            EpochEnd { epoch, epochs: 5, steps: 10, samples, elapsed, ..EpochEnd::of(logs) };
        history.on_epoch_end(&event, &mut control);
    }
    assert_eq!(history.get("loss"), Some([0.5, 0.25].as_slice()));
    assert!(history.get("accuracy").unwrap().iter().all(|x| x.is_nan()));
    assert!(history.get("val_loss").unwrap()[0].is_nan());
    let json = serde_json::to_string(&history).unwrap();
    assert_eq!(
        json,
        r#"{"history":{"loss":[0.5,0.25],"accuracy":[null,null],"val_loss":[null,0.75]},"epoch":[0,1],"seconds":[1.5,1.5],"params":{"epochs":5,"steps":10}}"#
    );
    let back: History = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    assert_eq!((back.len(), back.is_empty()), (2, false));
}

/// A pipe whose reader has gone.
struct Closed(Arc<Mutex<usize>>);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        *self.0.lock().unwrap() += 1;
        Err(Error::from(ErrorKind::BrokenPipe))
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_silences_the_bar_and_stops_nothing() {
    let tries = Arc::new(Mutex::new(0));
    for style in [Style::Bar { colour: false }, Style::Lines] {
        *tries.lock().unwrap() = 0;
        let mut callbacks: [Box<dyn Callback>; 1] =
            [Box::new(ProgressBar::new(Box::new(Closed(Arc::clone(&tries))), style))];
        let outcome = run(&mut callbacks, &epochs("loss", &[0.5, 0.4, 0.3]));
        assert_eq!((outcome.epochs, outcome.stopped_by), (3, None));
        assert_eq!(*tries.lock().unwrap(), 1);
    }
}

fn shown(style: Style, script: &[Epoch], extra: Vec<Box<dyn Callback>>) -> String {
    let paper = Paper::default();
    let mut callbacks = extra;
    callbacks.push(Box::new(ProgressBar::new(Box::new(paper.clone()), style)));
    run(&mut callbacks, script);
    paper.text()
}

#[test]
fn an_epoch_cut_short_shows_the_step_it_came_to() {
    let batches = [1.0, f64::NAN, 1.0, 1.0]
        .map(|x| ([("loss", x)].into_iter().collect::<Logs>(), 0.25))
        .to_vec();
    let script = [Epoch { batches, elapsed: 0.5, ..epochs("loss", &[f64::NAN])[0].clone() }];
    let nan = || vec![build(&CallbackSpec::TerminateOnNaN(TerminateOnNaN {}))];
    let text = shown(Style::Bar { colour: false }, &script, nan());
    assert_eq!(
        text,
        "\r1/4 ━━━━━━━━━━━━━━━━━━━━ 0s 250ms/step - loss: 1.0000\
         \r2/4 ━━━━━━━━━━━━━━━━━━━━ 0s 250ms/step - loss: nan   \n\
         Batch 1: Invalid loss, terminating training\n"
    );
    let text = shown(Style::Lines, &script, nan());
    assert_eq!(
        text,
        "2/4 - 0s - 250ms/step - loss: nan\nBatch 1: Invalid loss, terminating training\n"
    );
}

#[test]
fn without_colour_there_is_no_escape_and_a_tick_is_drawn_at_most_every_twentieth_second() {
    let batches = (1..=100)
        .map(|i| ([("loss", 0.5)].into_iter().collect::<Logs>(), f64::from(i) / 128.0))
        .collect();
    let script = [Epoch { batches, elapsed: 1.0, ..epochs("loss", &[0.5])[0].clone() }];
    let text = shown(Style::Bar { colour: false }, &script, Vec::new());
    assert!(!text.contains('\x1b'));
    // The first, then every seventh (7/128 s is the first multiple of 1/128 s above 0.05 s), and the end.
    assert_eq!(text.matches('\r').count(), 1 + 14 + 1);
    assert!(text.ends_with("\r100/100 ━━━━━━━━━━━━━━━━━━━━ 1s 10ms/step - loss: 0.5000\n"));
}

proptest! {
    #[test]
    fn a_later_line_covers_the_one_before(
        steps in 1_usize..200,
        times in prop::collection::vec(0.0..5000.0_f64, 1..8),
        values in prop::collection::vec(prop_oneof![any::<f64>(), -1.0..1.0_f64], 8),
    ) {
        let batches: Vec<_> = times.iter().scan(0.0, |t, d| { *t += d; Some(*t) }).zip(&values)
            .map(|(t, &x)| ([("loss", x)].into_iter().collect::<Logs>(), t)).take(steps).collect();
        let elapsed = batches.last().map_or(0.0, |b| b.1);
        let script = [Epoch { batches, elapsed, ..epochs("loss", &[0.5])[0].clone() }];
        let text = shown(Style::Bar { colour: false }, &script, Vec::new());
        let widths: Vec<usize> = text.trim_end_matches('\n').split('\r').skip(1).map(|l| l.chars().count()).collect();
        let bare: Vec<usize> = text.trim_end_matches('\n').split('\r').skip(1).map(|l| l.trim_end().chars().count()).collect();
        for i in 1..widths.len() {
            prop_assert!(widths[i] >= bare[i - 1], "{:?}", text);
        }
    }

    #[test]
    fn early_stopping_never_stops_in_the_first_epoch_nor_before_its_patience(
        values in prop::collection::vec(prop_oneof![0.0..1.0_f64, Just(f64::NAN), Just(f64::INFINITY)], 1..20),
        patience in 0_usize..6,
        start_from_epoch in 0_usize..4,
    ) {
        let spec = EarlyStopping { patience, start_from_epoch, restore_best_weights: true, ..EarlyStopping::default() };
        let outcome = early(spec, &values);
        let seen = &values[start_from_epoch.min(values.len())..outcome.epochs.max(start_from_epoch.min(values.len()))];
        let best = seen.iter().copied().filter(|x| !x.is_nan()).fold(f64::NAN, f64::min);
        if let Some(restored) = outcome.restored {
            // Ties and rounding to f32 keep the earlier epoch.
            prop_assert_eq!((values[restored.weights[0] as usize] as f32).to_bits(), (best as f32).to_bits());
        } else {
            prop_assert!(best.is_nan());
        }
        if outcome.stopped_by.is_some() {
            prop_assert!(outcome.epochs > 1 && outcome.epochs > start_from_epoch + patience.saturating_sub(1));
        } else {
            prop_assert_eq!(outcome.epochs, values.len());
        }
    }
}

#[test]
fn a_stop_is_data() {
    let stop = Stop { by: "StopAt".into(), reason: "enough".into(), ending: Ending::Requested };
    let json = serde_json::to_string(&stop).unwrap();
    assert_eq!(json, r#"{"by":"StopAt","reason":"enough","ending":"requested"}"#);
    assert_eq!(serde_json::from_str::<Stop>(&json).unwrap(), stop);
}
