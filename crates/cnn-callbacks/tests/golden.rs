//! What Keras's own callbacks did on scripted logs (`golden/make_golden.py`), compared case by case.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared with traces.rs; each test binary uses a part of it")]
mod support;

use cnn_callbacks::{
    BatchEnd, BuildContext, CSVLogger, Callback, CallbackSpec, Control, EarlyStopping, Ending,
    EpochBegin, EpochEnd, ProgressBar, Style, TerminateOnNaN,
};
use serde_json::Value;
use support::{Epoch, Paper, logs, number, run};

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
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
        bar.on_epoch_begin(&EpochBegin { epoch, epochs, steps }, &mut control);
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
