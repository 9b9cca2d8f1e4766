//! What Keras's own callbacks did on scripted logs (`data/golden/make_callbacks.py`), compared case by case.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use cnn_callbacks::{
    BatchEnd, BuildContext, CSVLogger, Callback, CallbackSpec, Control, EarlyStopping, Ending,
    EpochBegin, EpochEnd, LearningRateScheduler, ModelCheckpoint, ProgressBar, ReduceLROnPlateau,
    Style, TerminateOnNaN, check_monitors,
};
use serde_json::Value;
use support::{Epoch, Paper, logs, number, run, run_from};

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/../../data/golden/callbacks/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

#[test]
fn early_stopping_does_what_keras_does() {
    let all = cases("early_stopping.json");
    assert!(all.len() >= 200);
    for case in all {
        let spec: EarlyStopping = serde_json::from_value(case["settings"].clone()).unwrap();
        let script: Vec<Epoch> = case["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| Epoch {
                logs: x.as_f64().map(|x| ("val_loss", x)).into_iter().collect(),
                ..Epoch::default()
            })
            .collect();
        let mut callbacks = [spec.build(&BuildContext::new("run")).unwrap()];
        let outcome = run(&mut callbacks, &script);
        let stopped = outcome.stopped_by.map(|_| outcome.epochs as u64 - 1);
        assert_eq!(stopped, case["stopped"].as_u64(), "{case}");
        assert_eq!(
            outcome.restored.map(|r| f64::from(r.weights[0])),
            case["restored"].as_f64(),
            "{case}"
        );
    }
}

#[test]
fn the_progress_bar_shows_what_keras_shows() {
    let all = cases("progress_bar.json");
    assert!(all.len() >= 40);
    for case in all {
        let style = if case["verbose"] == 1 { Style::Bar { colour: true } } else { Style::Lines };
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let (epoch, epochs, steps) = (size("epoch"), size("epochs"), size("steps"));
        let paper = Paper::default();
        let (mut bar, mut control) =
            (ProgressBar::new(Box::new(paper.clone()), style), Control::new());
        bar.on_epoch_begin(
            &EpochBegin { epoch, epochs, steps, ..EpochBegin::default() },
            &mut control,
        );
        for batch in case["batches"].as_array().unwrap() {
            let (step, elapsed) =
                (batch["step"].as_u64().unwrap() as usize, number(&batch["elapsed"]));
            let logs = logs(&batch["logs"]);
            bar.on_batch_end(
                &BatchEnd { epoch, step, steps, elapsed, ..BatchEnd::of(&logs) },
                &mut control,
            );
        }
        let (logs, elapsed) = (logs(&case["logs"]), number(&case["elapsed"]));
        let end = EpochEnd { epoch, epochs, steps, elapsed, ..EpochEnd::of(&logs) };
        bar.on_epoch_end(&end, &mut control);
        let mut expected = case["text"].as_str().unwrap().to_owned();
        if style == Style::Lines && epochs > 1 {
            // Ours says all of it in one line.
            expected = expected.replacen('\n', " - ", 1);
        }
        assert_eq!(paper.text(), expected, "{case}");
    }
}

#[test]
fn the_csv_file_has_keras_bytes() {
    for case in cases("csv_logger.json") {
        let folder = tempfile::tempdir().unwrap();
        let separator = case["separator"].as_str().unwrap().chars().next().unwrap();
        for (i, epochs) in case["runs"].as_array().unwrap().iter().enumerate() {
            let spec = CSVLogger { separator, append: i > 0, ..CSVLogger::new("log.csv") };
            let script: Vec<Epoch> = epochs
                .as_array()
                .unwrap()
                .iter()
                .map(|l| Epoch { logs: logs(l), ..Epoch::default() })
                .collect();
            let mut callbacks = [spec.build(&BuildContext::new(folder.path())).unwrap()];
            assert_eq!(run(&mut callbacks, &script).stopped_by, None);
        }
        let text = std::fs::read_to_string(folder.path().join("log.csv")).unwrap();
        assert_eq!(text, case["text"].as_str().unwrap());
    }
}

#[test]
fn terminate_on_nan_stops_where_keras_stops() {
    for case in cases("terminate_on_nan.json") {
        let batches: Vec<_> = case["losses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| {
                (
                    if x.is_null() { None } else { Some(("loss", number(x))) }
                        .into_iter()
                        .collect(),
                    0.0,
                )
            })
            .collect();
        let spec = CallbackSpec::TerminateOnNaN(TerminateOnNaN {});
        let mut callbacks = [spec.build(&BuildContext::new("run")).unwrap()];
        let outcome = run(&mut callbacks, &[Epoch { batches, ..Epoch::default() }]);
        let stop = outcome.stopped_by;
        assert_eq!(
            stop.as_ref().map(|_| outcome.batches as u64 - 1),
            case["stopped"].as_u64(),
            "{case}"
        );
        assert_eq!(stop.as_ref().map(|s| s.reason.as_str()), case["said"][0].as_str(), "{case}");
        assert!(stop.is_none_or(|s| s.ending == Ending::Diverged));
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// What Keras said, without the empty line before it.
fn said(case: &Value) -> Vec<&str> {
    let lines = case["said"].as_array().unwrap().iter();
    lines.map(|line| line.as_str().unwrap().trim_start_matches('\n')).collect()
}

#[test]
fn reduce_lr_on_plateau_does_what_keras_does() {
    let all = cases("reduce_lr_on_plateau.json");
    assert!(all.len() >= 100);
    let mut reductions = 0;
    for case in all {
        let spec: ReduceLROnPlateau = serde_json::from_value(case["settings"].clone()).unwrap();
        let script = support::epochs("val_loss", &numbers(&case["values"]));
        let mut callbacks = [spec.build(&BuildContext::new("run")).unwrap()];
        assert!(callbacks[0].reports_learning_rate());
        let outcome = run_from(&mut callbacks, &script, number(&case["rate"]) as f32);
        let rates: Vec<f64> = outcome.rates.iter().map(|&rate| f64::from(rate)).collect();
        // The rate in the logs of each epoch, and the one after it.
        assert_eq!(rates[..script.len()], numbers(&case["logged"]), "{case}");
        assert_eq!(rates[1..], numbers(&case["after"]), "{case}");
        assert_eq!(outcome.said, said(&case), "{case}");
        reductions += rates.windows(2).filter(|pair| pair[1] < pair[0]).count();
    }
    assert!(reductions > 100, "{reductions}");
}

#[test]
fn the_learning_rate_scheduler_sets_what_keras_sets() {
    let all = cases("learning_rate_scheduler.json");
    assert!(all.len() >= 30);
    for case in all {
        let settings = serde_json::json!({ "rates": case["rates"], "verbose": case["verbose"] });
        let spec: LearningRateScheduler = serde_json::from_value(settings).unwrap();
        let logged = numbers(&case["logged"]);
        let script = support::epochs("loss", &vec![1.0; logged.len()]);
        let start = number(&case["start"]) as f32;
        let outcome =
            run_from(&mut [spec.build(&BuildContext::new("run")).unwrap()], &script, start);
        let rates: Vec<f64> = outcome.rates.iter().map(|&rate| f64::from(rate)).collect();
        assert_eq!(rates[..logged.len()], logged, "{case}");
        assert_eq!(outcome.said, said(&case), "{case}");

        // A function is asked with the same numbers.
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (notes, answers) = (asked.clone(), logged.clone());
        let function = LearningRateScheduler::function(move |epoch, rate| {
            notes.lock().unwrap().push((epoch, rate));
            answers[epoch]
        });
        run_from(&mut [function], &script, start);
        let given: Vec<(usize, f64)> = serde_json::from_value(case["given"].clone()).unwrap();
        assert_eq!(*asked.lock().unwrap(), given, "{case}");
    }
}

#[test]
fn model_checkpoint_saves_when_and_where_keras_saves() {
    let all = cases("model_checkpoint.json");
    assert!(all.len() >= 100);
    let mut count = 0;
    for case in all {
        let mut settings = case["settings"].clone();
        let path = settings["filepath"].as_str().unwrap().replace(".keras", ".cnn");
        settings["filepath"] = path.into();
        let spec: ModelCheckpoint = serde_json::from_value(settings).unwrap();
        let script: Vec<Epoch> = case["epochs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|epoch| Epoch {
                batches: numbers(&epoch["batches"])
                    .into_iter()
                    .map(|loss| ([("loss", loss)].into_iter().collect(), 0.0))
                    .collect(),
                logs: ["loss", "val_loss"]
                    .map(|name| (name, number(&epoch[name])))
                    .into_iter()
                    .collect(),
                ..Epoch::default()
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let mut callbacks = [spec.build(&BuildContext::new(folder.path())).unwrap()];
        check_monitors(&mut callbacks, &["loss", "val_loss"].map(String::from)).unwrap();
        let outcome = run(&mut callbacks, &script);
        assert_eq!(outcome.stopped_by, None);
        let name = |path: &std::path::Path| {
            let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap();
            name.replace(".cnn", ".keras")
        };
        let ours: Vec<_> = outcome
            .saves
            .iter()
            .map(|(epoch, batch, save)| (*epoch, *batch, name(&save.path)))
            .collect();
        let keras: Vec<(usize, Option<usize>, String)> =
            serde_json::from_value(case["saves"].clone()).unwrap();
        assert_eq!(ours, keras, "{case}");
        // Ours does not say that it has finished: a file that could not be written ends training.
        let told: Vec<String> = said(&case)
            .into_iter()
            .filter(|line| !line.contains("finished saving"))
            .map(|line| line.replace(".keras", ".cnn"))
            .collect();
        assert_eq!(outcome.said, told, "{case}");
        count += keras.len();
    }
    assert!(count > 200, "{count}");
}
