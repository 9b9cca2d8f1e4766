//! Every callback of the registry as written by people: round trips, spellings, mistakes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_callbacks::{
    BuildContext, CSVLogger, Callback, CallbackSpec, EarlyStopping, Mode, Monitor, REGISTRY,
    StopAt, check_monitors,
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
