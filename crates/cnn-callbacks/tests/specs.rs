//! Every callback of the registry as written by people: round trips, spellings, mistakes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_callbacks::{
    BuildContext, CSVLogger, Callback, CallbackSpec, EarlyStopping, Mode, ModelCheckpoint, Monitor,
    REGISTRY, ReduceLROnPlateau, StopAt, TimeBudget, check_monitors, check_places,
};
use serde_json::{Value, json};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&n| n.to_owned()).collect()
}

fn read(value: Value) -> Result<CallbackSpec, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}

#[test]
fn every_spec_survives_writing_and_reading_and_builds() {
    for kind in REGISTRY {
        for spec in (kind.examples)() {
            let value = serde_json::to_value(&spec).unwrap();
            assert_eq!(read(value.clone()).unwrap(), spec);
            assert_eq!(read(json!({ kind.alias: value[kind.name] })).unwrap(), spec);
            let built = spec.build(&BuildContext::new("run")).unwrap();
            assert_eq!((built.name(), spec.name()), (kind.name, kind.name));
        }
    }
}

#[test]
fn unknown_keys_are_refused_and_the_right_ones_listed() {
    for kind in REGISTRY {
        for spec in (kind.examples)() {
            let mut value = serde_json::to_value(&spec).unwrap();
            value[kind.name]["patiense"] = json!(3);
            let error = read(value.clone()).unwrap_err();
            assert!(error.contains("unknown field `patiense`"), "{error}");
            for key in value[kind.name].as_object().unwrap().keys().filter(|k| *k != "patiense") {
                assert!(error.contains(&format!("`{key}`")), "{error}");
            }
        }
    }
    assert!(read(json!({"EarlyStoping": {}})).unwrap_err().contains("`EarlyStopping`"));
    assert!(read(json!({"StopAt": {}})).unwrap_err().contains("missing field `threshold`"));
    assert!(read(json!({"CSVLogger": {}})).unwrap_err().contains("missing field `filename`"));
}

#[test]
fn the_defaults_are_keras_s() {
    let spec = read(json!({"EarlyStopping": {}})).unwrap();
    assert_eq!(spec, CallbackSpec::EarlyStopping(EarlyStopping::default()));
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(
        text,
        r#"{"EarlyStopping":{"monitor":"val_loss","min_delta":0.0,"patience":0,"mode":"auto","restore_best_weights":false,"start_from_epoch":0}}"#
    );
    let csv = read(json!({"CSVLogger": {"filename": "log.csv"}})).unwrap();
    assert_eq!(
        csv,
        CallbackSpec::CSVLogger(CSVLogger {
            separator: ',',
            append: false,
            filename: "log.csv".into()
        })
    );
    assert_eq!(
        read(json!({"StopAt": {"threshold": 0.9}})).unwrap(),
        CallbackSpec::StopAt(StopAt::accuracy(0.9))
    );
}

#[test]
fn wrong_values_name_the_key_the_value_and_what_would_do() {
    let context = BuildContext::new("run").reserved(["model.toml"]);
    for (value, text) in [
        (
            json!({"StopAt": {"threshold": 99.5}}),
            "StopAt: `threshold` must be a fraction in [0, 1], got 99.5; write 0.995 for 99.5 %",
        ),
        (
            json!({"StopAt": {"threshold": -1}}),
            "StopAt: `threshold` must be a fraction in [0, 1], got -1; 0.995 stops at 99.5 %",
        ),
        (
            json!({"CSVLogger": {"filename": "../log.csv"}}),
            "CSVLogger: `filename` must be a file in the run folder, got \"../log.csv\"; `..` would leave the run folder",
        ),
        (
            json!({"CSVLogger": {"filename": "/tmp/log.csv"}}),
            "CSVLogger: `filename` must be a file in the run folder, got \"/tmp/log.csv\"; an absolute path would leave the run folder",
        ),
        (
            json!({"CSVLogger": {"filename": "./model.toml"}}),
            "CSVLogger: `filename` must be a file in the run folder, got \"./model.toml\"; the run writes that file itself; choose another name",
        ),
        (
            json!({"CSVLogger": {"filename": "log.csv", "separator": "\""}}),
            "CSVLogger: `separator` must be one ASCII character other than a quote or a line end, got '\"'; `,`, `;` and a tab are usual",
        ),
    ] {
        let error = read(value).unwrap().build(&context).err().unwrap();
        assert_eq!(error.to_string(), text);
        assert!(text.contains(&format!("`{}`", error.key())));
    }
    for name in ["", ".", "a/", "a/../../b", "C:log", "a\\b", "..", "a\0b"] {
        assert!(CSVLogger::new(name).build(&context).is_err(), "{name:?}");
    }
    for name in ["log.csv", "./log.csv", "a/b.csv", "..log"] {
        assert!(CSVLogger::new(name).build(&context).is_ok(), "{name:?}");
    }
    let infinite = EarlyStopping { baseline: Some(f64::INFINITY), ..EarlyStopping::default() };
    assert_eq!(infinite.build(&context).err().unwrap().key(), "baseline");
    let nan = EarlyStopping { min_delta: f64::NAN, ..EarlyStopping::default() };
    assert_eq!(nan.build(&context).err().unwrap().key(), "min_delta");
    assert_eq!(StopAt::accuracy(f64::NAN).build(&context).err().unwrap().key(), "threshold");
}

/// What is said about one wrong key of a callback that is sound otherwise.
fn said(callback: &str, settings: &Value) -> (String, &'static str) {
    let context = BuildContext::new("run").reserved(["model.cnn"]);
    let error = read(json!({ callback: settings })).unwrap().build(&context).err().unwrap();
    (error.to_string(), error.key())
}

#[test]
fn wrong_values_of_the_rate_s_callbacks() {
    for (callback, settings, text) in [
        (
            "ReduceLROnPlateau",
            json!({"factor": 1.0}),
            "`factor` must be between 0 and 1, got 1; 0.1 makes the rate ten times smaller, Keras's default",
        ),
        (
            "ReduceLROnPlateau",
            json!({"factor": 0.0}),
            "`factor` must be between 0 and 1, got 0; 0.1 makes the rate ten times smaller, Keras's default",
        ),
        (
            "ReduceLROnPlateau",
            json!({"min_lr": -0.1}),
            "`min_lr` must be a finite number of at least 0, got -0.1; 1e-6 keeps the rate from vanishing",
        ),
        (
            "ReduceLROnPlateau",
            json!({"verbose": 2}),
            "`verbose` must be 0 or 1, got 2; 0 is silent, 1 says what is done",
        ),
        (
            "LearningRateScheduler",
            json!({"rates": []}),
            "`rates` must be at least one pair of epoch and rate, got []; rates = [[0, 1e-3], [5, 1e-4]]",
        ),
        (
            "LearningRateScheduler",
            json!({"rates": [[5, 0.1], [5, 0.2]]}),
            "`rates` must be in the order of the epochs, got epoch 5 after epoch 5; each pair says from which epoch on its rate holds",
        ),
        (
            "LearningRateScheduler",
            json!({"rates": [[0, 0.1], [5, -0.2]]}),
            "`rates` must be finite rates of at least 0, got -0.2 from epoch 5 on; 0.001 is usual",
        ),
        (
            "TimeBudget",
            json!({}),
            "`minutes` must be more than 0, or `seconds` is, got 0; minutes = 10 stops after ten minutes",
        ),
        (
            "TimeBudget",
            json!({"seconds": -1}),
            "`seconds` must be a finite number of at least 0, got -1; minutes = 10 stops after ten minutes",
        ),
    ] {
        let (message, key) = said(callback, &settings);
        assert_eq!(message, format!("{callback}: {text}"));
        assert!(text.starts_with(&format!("`{key}`")));
    }
    let nan = ReduceLROnPlateau { min_delta: f64::NAN, ..ReduceLROnPlateau::default() };
    assert_eq!(nan.build(&BuildContext::new("run")).err().unwrap().key(), "min_delta");
    let nan = ReduceLROnPlateau { factor: f64::NAN, ..ReduceLROnPlateau::default() };
    assert_eq!(nan.build(&BuildContext::new("run")).err().unwrap().key(), "factor");
    let nan = TimeBudget { minutes: f64::NAN, seconds: 1.0 };
    assert_eq!(nan.build(&BuildContext::new("run")).err().unwrap().key(), "minutes");
}

#[test]
fn a_scheduled_rate_is_left_to_the_optimizer() {
    let scheduled = BuildContext::new("run").scheduled_rate(true);
    for kind in REGISTRY {
        for spec in (kind.examples)() {
            let sets = ["ReduceLROnPlateau", "LearningRateScheduler"].contains(&kind.name);
            let error = spec.build(&scheduled).err();
            assert_eq!(error.is_some(), sets, "{}", kind.name);
            if let Some(error) = error {
                let text = format!(
                    "{}: the optimizer's `learning_rate` is a schedule, so a callback cannot set it; give a plain number, or \
                     leave the callback out",
                    kind.name
                );
                assert_eq!((error.to_string(), error.key()), (text, "type"));
            }
        }
    }
}

#[test]
fn wrong_values_of_the_callbacks_that_write() {
    for (callback, settings, text) in [
        (
            "ModelCheckpoint",
            json!({"filepath": "best.keras"}),
            "`filepath` must be a path that ends in `.cnn` or `.npz`, got \"best.keras\"; `.cnn` is the whole model, `.npz` its weights alone",
        ),
        (
            "ModelCheckpoint",
            json!({"filepath": "../{epoch}.cnn"}),
            "`filepath` must be a file in the run folder, got \"../{epoch}.cnn\"; `..` would leave the run folder",
        ),
        (
            "ModelCheckpoint",
            json!({"filepath": "model.cnn"}),
            "`filepath` must be a file in the run folder, got \"model.cnn\"; the run writes that file itself; choose another name",
        ),
        (
            "ModelCheckpoint",
            json!({"filepath": "{epoch.cnn"}),
            "`filepath` must be a path with placeholders that can be filled in, got \"{epoch.cnn\"; a single `{`; write `{{` for the character",
        ),
        (
            "ModelCheckpoint",
            json!({"filepath": "a.cnn", "save_freq": 0}),
            "`save_freq` must be \"epoch\", \"batch\" or a number of batches, got 0; \"epoch\" is the default",
        ),
        (
            "ModelCheckpoint",
            json!({"filepath": "a.cnn", "initial_value_threshold": 0.5}),
            "`initial_value_threshold` must be left out without `save_best_only`, got 0.5; set `save_best_only = true`, or leave it out",
        ),
        (
            "TensorBoard",
            json!({"log_dir": "/tmp/logs"}),
            "`log_dir` must be a folder in the run folder, got \"/tmp/logs\"; an absolute path would leave the run folder",
        ),
        (
            "TensorBoard",
            json!({"update_freq": 0}),
            "`update_freq` must be \"epoch\", \"batch\" or a number of batches, got 0; \"epoch\" is the default",
        ),
        (
            "TensorBoard",
            json!({"write_images": true}),
            "`write_images` must be false without `histogram_freq`, got true; set `histogram_freq = 1`: pictures are written with the histograms",
        ),
    ] {
        let (message, key) = said(callback, &settings);
        assert_eq!(message, format!("{callback}: {text}"));
        assert!(text.starts_with(&format!("`{key}`")));
    }
    let nan = ModelCheckpoint {
        save_best_only: true,
        initial_value_threshold: Some(f64::NAN),
        ..ModelCheckpoint::new("a.cnn")
    };
    let error = nan.build(&BuildContext::new("run")).err().unwrap();
    assert_eq!(error.key(), "initial_value_threshold");
    let wrong = read(json!({"TensorBoard": {"update_freq": "daily"}})).unwrap_err();
    assert!(wrong.contains("\"epoch\", \"batch\", or a number of batches such as 100"), "{wrong}");
}

#[test]
fn a_checkpoint_s_metrics_are_checked_before_the_first_epoch() {
    let all = names(&["accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]);
    let train = names(&["accuracy", "loss"]);
    let check = |settings: Value, available: &[String]| {
        let spec: ModelCheckpoint = serde_json::from_value(settings).unwrap();
        let built = spec.build(&BuildContext::new("run")).unwrap();
        check_monitors(&mut [built], available).map_err(|errors| {
            let all: Vec<String> = errors.iter().map(|(_, error)| error.to_string()).collect();
            all.join("\n")
        })
    };
    for (settings, available, text) in [
        (
            json!({"filepath": "{epoch:02d}-{val_loss:.2f}.cnn"}),
            &train,
            "ModelCheckpoint: nothing is known under the name `val_loss` in `filepath`; available: `epoch`, `accuracy`, `loss`; there is no validation data: set `validation_split` in [fit]",
        ),
        (
            json!({"filepath": "{epoch}-{los:.2f}.cnn"}),
            &train,
            "ModelCheckpoint: nothing is known under the name `los` in `filepath`; available: `epoch`, `accuracy`, `loss`; did you mean `loss`?",
        ),
        (
            json!({"filepath": "{epohc:02d}.cnn"}),
            &train,
            "ModelCheckpoint: nothing is known under the name `epohc` in `filepath`; available: `epoch`, `accuracy`, `loss`; did you mean `epoch`?",
        ),
        (
            json!({"filepath": "{epoch:x}.cnn"}),
            &train,
            "ModelCheckpoint: `filepath` must be a path with placeholders that can be filled in, got {epoch:x}; the format `:x` of `epoch` is not known; `{epoch:02d}` is usual",
        ),
        (
            json!({"filepath": "{batch}.cnn"}),
            &train,
            "ModelCheckpoint: nothing is known under the name `batch` in `filepath`; available: `epoch`, `accuracy`, `loss`; `batch` is known where `save_freq` is a number of batches",
        ),
        (
            json!({"filepath": "{batch}-{val_loss}.cnn", "save_freq": 10}),
            &all,
            "ModelCheckpoint: nothing is known under the name `val_loss` in `filepath`; available: `epoch`, `batch`, `accuracy`, `loss`; at the end of a batch nothing is validated",
        ),
        (
            json!({"filepath": "a.cnn", "save_best_only": true}),
            &train,
            "ModelCheckpoint: there is no metric `val_loss` to monitor; available: `accuracy`, `loss`; there is no validation data: set `validation_split` in [fit]",
        ),
        (
            json!({"filepath": "a.cnn", "save_best_only": true, "save_freq": "batch"}),
            &all,
            "ModelCheckpoint: there is no metric `val_loss` to monitor; available: `accuracy`, `loss`; the others are known at the end of an epoch: set `save_freq = \"epoch\"`",
        ),
    ] {
        assert_eq!(check(settings, available).unwrap_err(), text);
    }
    // What is not looked at need not be there.
    assert_eq!(check(json!({"filepath": "a.cnn"}), &train), Ok(vec![]));
    assert_eq!(
        check(json!({"filepath": "{learning_rate:.1e}-{val_accuracy:.3f}.npz"}), &all),
        Ok(vec![])
    );
    let note = "ModelCheckpoint: `val_acc` is read as `val_accuracy`".to_owned();
    assert_eq!(check(json!({"filepath": "{val_acc:.3f}.cnn"}), &all), Ok(vec![note]));
}

/// What is said of callbacks that write to these places, in this order.
fn clashes(all: &[Value]) -> Vec<(usize, String)> {
    let specs: Vec<CallbackSpec> = all.iter().map(|spec| read(spec.clone()).unwrap()).collect();
    let found = check_places(specs.iter().enumerate());
    found.into_iter().map(|(i, error)| (i, error.to_string())).collect()
}

#[test]
fn callbacks_that_write_to_one_place_are_refused() {
    let csv = |name: &str| json!({"CSVLogger": {"filename": name}});
    let saved = |name: &str| json!({"ModelCheckpoint": {"filepath": name}});
    let board = |name: &str| json!({"TensorBoard": {"log_dir": name}});
    let text = |callback: &str, key: &str, own: &str, got: &str, other: &str| {
        format!(
            "{callback}: `{key}` must be {own} of its own, got \"{got}\"; callback {other} writes there too"
        )
    };
    for (all, at, said) in [
        (
            vec![csv("log.csv"), json!({"TerminateOnNaN": {}}), csv("./log.csv")],
            2,
            text("CSVLogger", "filename", "a file", "./log.csv", "1 (CSVLogger)"),
        ),
        (
            vec![board("logs"), saved("{epoch:02d}.cnn"), saved("{epoch}.cnn")],
            2,
            text("ModelCheckpoint", "filepath", "a file", "{epoch}.cnn", "2 (ModelCheckpoint)"),
        ),
        (
            vec![saved("best.cnn"), csv("best.cnn")],
            1,
            text("CSVLogger", "filename", "a file", "best.cnn", "1 (ModelCheckpoint)"),
        ),
        (
            vec![board("logs"), board("logs")],
            1,
            text("TensorBoard", "log_dir", "a folder", "logs", "1 (TensorBoard)"),
        ),
        (
            vec![csv("logs"), board("logs/first")],
            1,
            text("TensorBoard", "log_dir", "a folder", "logs/first", "1 (CSVLogger)"),
        ),
    ] {
        assert_eq!(clashes(&all), [(at, said)]);
    }
    let apart = [csv("log.csv"), csv("logs/log.csv"), board("logs"), saved("{epoch}.cnn")];
    assert_eq!(clashes(&apart), []);
    assert_eq!(clashes(&[saved("{loss}.cnn"), saved("{epoch}.cnn"), saved("{epoch}.npz")]), []);
}

fn stop_at(monitor: &str, mode: Mode) -> Box<dyn Callback> {
    let spec = StopAt { monitor: monitor.to_owned(), mode, ..StopAt::accuracy(0.5) };
    spec.build(&BuildContext::new("run")).unwrap()
}

#[test]
fn a_wrong_metric_is_an_error_that_lists_the_right_ones() {
    let both = names(&["accuracy", "loss", "val_accuracy", "val_loss"]);
    let train = names(&["accuracy", "loss"]);
    let loss_only = names(&["loss"]);
    for (monitor, available, text) in [
        (
            "accurcy",
            &train,
            "StopAt: there is no metric `accurcy` to monitor; available: `accuracy`, `loss`; did you mean `accuracy`?",
        ),
        (
            "Val_Loss",
            &both,
            "StopAt: there is no metric `Val_Loss` to monitor; available: `accuracy`, `loss`, `val_accuracy`, `val_loss`; did you mean `val_loss`?",
        ),
        (
            "val_loss",
            &train,
            "StopAt: there is no metric `val_loss` to monitor; available: `accuracy`, `loss`; there is no validation data: set `validation_split` in [fit]",
        ),
        (
            "val_acc",
            &train,
            "StopAt: there is no metric `val_acc` to monitor; available: `accuracy`, `loss`; there is no validation data: set `validation_split` in [fit]",
        ),
        (
            "accuracy",
            &loss_only,
            "StopAt: there is no metric `accuracy` to monitor; available: `loss`; add `metrics = [\"accuracy\"]` to [compile]",
        ),
        ("f1", &train, "StopAt: there is no metric `f1` to monitor; available: `accuracy`, `loss`"),
        (
            "test_accuracy",
            &train,
            "StopAt: `test_accuracy` cannot be monitored: test data that decides when to stop is no longer test data; monitor `val_accuracy` instead, with `validation_split` in [fit]",
        ),
    ] {
        let errors = check_monitors(
            &mut [stop_at("loss", Mode::Auto), stop_at(monitor, Mode::Auto)],
            available,
        )
        .unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(
            (errors[0].0, errors[0].1.to_string().as_str(), errors[0].1.key()),
            (1, text, "monitor")
        );
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let mut callbacks =
        [stop_at("los", Mode::Auto), stop_at("loss", Mode::Auto), stop_at("test_loss", Mode::Min)];
    let errors = check_monitors(&mut callbacks, &names(&["loss"])).unwrap_err();
    assert_eq!(errors.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn acc_and_accuracy_stand_for_each_other() {
    let available = names(&["accuracy", "loss", "val_accuracy", "val_loss"]);
    let mut callbacks =
        [stop_at("acc", Mode::Auto), stop_at("val_acc", Mode::Auto), stop_at("loss", Mode::Auto)];
    let notes = check_monitors(&mut callbacks, &available).unwrap();
    assert_eq!(
        notes,
        ["StopAt: `acc` is read as `accuracy`", "StopAt: `val_acc` is read as `val_accuracy`"]
    );
    assert_eq!(callbacks[1].monitors()[0].name(), "val_accuracy");
    let mut callbacks = [stop_at("accuracy", Mode::Auto)];
    assert_eq!(
        check_monitors(&mut callbacks, &names(&["acc"])).unwrap(),
        ["StopAt: `accuracy` is read as `acc`"]
    );
    assert!(check_monitors(&mut callbacks, &names(&["acc"])).unwrap().is_empty());
}

#[test]
fn a_metric_without_a_direction_needs_a_mode() {
    let available = names(&["energy", "loss"]);
    let errors = check_monitors(&mut [stop_at("energy", Mode::Auto)], &available).unwrap_err();
    let text = "StopAt: whether a larger `energy` is better is not known; set `mode = \"max\"` or `mode = \"min\"`";
    assert_eq!((errors[0].1.to_string().as_str(), errors[0].1.key()), (text, "mode"));
    assert!(check_monitors(&mut [stop_at("energy", Mode::Max)], &available).is_ok());
}

#[test]
fn improvement_is_strict_and_judged_in_single_precision() {
    let up = Monitor::new("accuracy", Mode::Auto);
    assert!(!up.improves(0.8, Some(0.7), 0.1)); // in f64, 0.8 − 0.1 > 0.7
    assert!(up.improves(0.8001, Some(0.7), 0.1) && up.improves(0.8001, Some(0.7), -0.1));
    let down = Monitor::new("val_loss", Mode::Auto);
    assert!(!down.improves(0.5, Some(0.5), 0.0) && down.improves(0.4, Some(0.5), 0.0));
    for monitor in [up, down] {
        assert!(
            !monitor.improves(f64::NAN, None, 0.0) && !monitor.improves(f64::NAN, Some(0.5), 0.0)
        );
        assert!(monitor.improves(f64::INFINITY, None, 0.0));
    }
}
