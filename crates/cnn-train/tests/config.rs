//! model.toml as a whole: defaults, the way back, and every mistake of every section in one run.

use cnn_callbacks::{BuildContext, CallbackSpec};
use cnn_optim::OptimizerSpec;
use cnn_train::{Config, MetricSpec, Mixing, Overrides};

const LAYERS: &str = "input = [8, 8, 1]\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";

fn read(rest: &str) -> Config {
    Config::from_toml("model.toml", &format!("{LAYERS}{rest}"))
        .unwrap_or_else(|found| panic!("{found}"))
        .0
}

fn mistakes(rest: &str) -> String {
    Config::from_toml("model.toml", &format!("{LAYERS}{rest}"))
        .expect_err("mistakes were expected")
        .to_string()
}

#[test]
fn the_defaults_are_keras_s() {
    let config = read("");
    assert_eq!(
        (config.fit.epochs, config.fit.batch_size, config.fit.shuffle, config.fit.seed),
        (1, 32, true, 42)
    );
    assert!(config.fit.validation_split.abs() < f64::EPSILON);
    assert_eq!(config.compile.metrics, [MetricSpec::Accuracy]);
    assert!(matches!(config.compile.optimizer, OptimizerSpec::Adam(_)));
    assert_eq!(config.metrics(true), ["accuracy", "loss", "val_accuracy", "val_loss"]);
}

#[test]
fn mixing_is_one_of_two_and_within_its_range() {
    assert_eq!(read("").fit.mixing(), None);
    assert_eq!(read("[fit]\nmixup = 0.2\n").fit.mixing(), Some(Mixing::MixUp { alpha: 0.2 }));
    let cutmix = read("[fit]\nmixup = 0\ncutmix = 1\n").fit.mixing();
    assert_eq!(cutmix, Some(Mixing::CutMix { alpha: 1.0 }));
    for (line, parts) in [
        ("mixup = -1", ["M066", "model.toml:9:1", "mixup = -1", "mixup = 0.2 is usual"]),
        ("cutmix = nan", ["M066", "model.toml:9:1", "cutmix = NaN", "0.01 to 100"]),
        ("mixup = 1e9", ["M066", "model.toml:9:1", "1000000000", "0.01 to 100"]),
        ("mixup = \"0.2\"", ["M006", "model.toml:9:1", "expected a number", "mixup = 0.2"]),
        ("mixup = 0.2\ncutmix = 1.0", ["M067", "model.toml:10:1", "both", "keep one of them"]),
        ("mixupp = 0.2", ["M003", "model.toml:9:1", "unknown key", "did you mean `mixup`?"]),
    ] {
        let text = mistakes(&format!("[fit]\n{line}\n"));
        assert_eq!(text.matches("error[").count(), 1, "{text}");
        for part in parts {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}

#[test]
fn measured_training_values_can_be_followed() {
    let follow =
        "[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"train_accuracy\"\nthreshold = 0.9\n";
    let config = read(&format!("[fit]\neval_train = true\n{follow}"));
    assert_eq!(config.metrics(false), ["accuracy", "loss", "train_accuracy", "train_loss"]);
    assert!(mistakes(follow).contains("M064"));
    let overrides = Overrides { eval_train: Some(true), ..Overrides::default() };
    assert!(Config::from_toml_with("m", &format!("{LAYERS}{follow}"), overrides).is_ok());
}

const FULL: &str = r#"
[compile]
optimizer = { type = "SGD", learning_rate = 0.05, momentum = 0.9, nesterov = true }
loss = "sparse_categorical_crossentropy"
metrics = ["acc"]

[fit]
epochs = 3
batch_size = 64
validation_split = 0.1
shuffle = false
seed = 9007199254740993
cutmix = 0.75
eval_train = true
eval_test = true

[[callbacks]]
type = "StopAt"
monitor = "acc"
threshold = 0.9

[[callbacks]]
type = "EarlyStopping"
monitor = "val_loss"
patience = 2
restore_best_weights = true

[[callbacks]]
type = "CSVLogger"
filename = "log.csv"

[[callbacks]]
type = "terminate_on_nan"
"#;

#[test]
fn what_is_written_reads_back_equal() {
    for rest in ["", FULL] {
        let config = read(rest);
        let text = config.to_toml().unwrap();
        let (back, warnings) = Config::from_toml("config.toml", &text)
            .unwrap_or_else(|found| panic!("{found}\n{text}"));
        assert_eq!(back, config, "{text}");
        assert!(warnings.is_empty());
        assert_eq!(back.to_toml().unwrap(), text);
    }
    assert_eq!(read(FULL).fit.seed, 9_007_199_254_740_993);
    assert!(matches!(read(FULL).callbacks[3], CallbackSpec::TerminateOnNaN(_)));
}

#[test]
fn the_resolved_configuration_names_every_layer() {
    let config = read("");
    let text = config.resolved(&config.model.build().unwrap()).to_toml().unwrap();
    for part in [
        "name = \"flatten\"",
        "name = \"dense\"",
        "learning_rate = 0.001",
        "batch_size = 32",
        "metrics = [\"accuracy\"]",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn mistakes_of_all_sections_come_in_one_run() {
    let text = mistakes(
        "activatoin = \"relu\"\n[compile]\noptimizer = { type = \"Adam\", learning_rate = -1.0 }\nmetrics = [\"acc\", \"acc\"]\n\
         [fit]\nepochs = 2000000\nbatch_size = 0\nvalidation_split = 1.5\n[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"val_acc\"\nthreshold = 0.9\n\
         [[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"../x.csv\"\n",
    );
    let expected = [
        "`activatoin`",
        "model.toml:10:",
        "learning_rate",
        "metric `acc` is listed twice",
        "epochs = 2000000",
        "batch_size = 0",
        "validation_split = 1.5",
        "run folder",
    ];
    for part in expected {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_wrong_monitor_is_found_in_the_file_and_lists_the_right_names() {
    let text =
        mistakes("[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"val_accuracy\"\nthreshold = 0.9\n");
    for part in ["M064", "model.toml:10:", "`accuracy`, `loss`", "validation_split"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // The command line can still make it right, or wrong.
    let toml = format!(
        "{LAYERS}[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"val_accuracy\"\nthreshold = 0.9\n"
    );
    let overrides = Overrides { validation_split: Some(0.1), ..Overrides::default() };
    assert!(Config::from_toml_with("model.toml", &toml, overrides).is_ok());
    let overrides = Overrides { batch_size: Some(0), ..overrides };
    assert!(Config::from_toml_with("model.toml", &toml, overrides).is_err());
}

#[test]
fn the_run_s_own_files_are_refused_to_callbacks() {
    let text = mistakes("[[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"history.csv\"\n");
    assert!(text.contains("M063") && text.contains("model.toml:10:"), "{text}");
}

#[test]
fn a_loss_that_does_not_fit_points_at_the_layer() {
    let toml =
        "input = [8, 8, 1]\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";
    let text = Config::from_toml("model.toml", toml).expect_err("no Flatten").to_string();
    assert!(
        text.contains("M040") && text.contains("Flatten") && text.contains("model.toml:3:"),
        "{text}"
    );
    assert_eq!(text.matches("error[").count() + text.matches("warning[").count(), 1, "{text}");
}

#[test]
fn acc_for_accuracy_is_noted() {
    let toml =
        format!("{LAYERS}[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"acc\"\nthreshold = 0.9\n");
    let (_, warnings) = Config::from_toml("model.toml", &toml).unwrap();
    assert!(warnings.to_string().contains("`acc` is read as `accuracy`"), "{warnings}");
}

#[test]
fn two_callbacks_that_write_one_file_are_one_mistake() {
    let csv = "[[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"log.csv\"\n";
    let text = mistakes(&format!("{csv}{csv}"));
    for part in ["M063", "model.toml:13:", "a file of its own", "callback 1 (CSVLogger)"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(text.matches("error[").count(), 1, "{text}");
    // Made in code, too.
    let mut config = read(csv);
    config.callbacks.push(config.callbacks[0].clone());
    let (i, error) = config.build_callbacks(&BuildContext::new("run")).err().unwrap();
    assert_eq!((i, error.key()), (1, "filename"));
}

#[test]
fn words_of_keras_lead_to_those_that_are_known_here() {
    let accuracy = "did you mean \"accuracy\"?";
    for (text, code, hint) in [
        ("[compile]\nmetrics = [\"sparse_categorical_accuracy\"]\n", "M004", accuracy),
        ("[compile]\nmetrics = [\"categorical_accuracy\"]\n", "M004", accuracy),
        ("[compile]\nmetrics = [{ type = \"SparseCategoricalAccuracy\" }]\n", "M004", accuracy),
        ("[compile]\nmetrics = [\"loss\", \"CategoricalAccuracy\"]\n", "M004", accuracy),
        ("[compile]\nloss = \"bce\"\n", "M004", "did you mean \"BinaryCrossentropy\"?"),
        (
            "[compile]\nloss = { type = \"focal\", gamma = 1.0 }\n",
            "M004",
            "did you mean \"CategoricalFocalCrossentropy\"?",
        ),
        ("[fit]\nclass_weight = [1.0, 2.0]\n", "M003", "class weights belong to the loss"),
        (
            "[[callbacks]]\ntype = \"ModelCheckpoint\"\nfilepath = \"a.cnn\"\nsave_weights_only = true\n",
            "M003",
            "a filepath in .npz gets the weights alone",
        ),
    ] {
        let text = mistakes(text);
        assert!(text.contains(code) && text.contains(hint), "{hint} in\n{text}");
    }
    assert_eq!(read("[compile]\nmetrics = [\"acc\"]\n").metrics(false), ["acc", "loss"]);
    // What the hint shows is what works.
    let balanced =
        "loss = { type = \"SparseCategoricalCrossentropy\", class_weight = \"balanced\" }";
    let text = mistakes("[fit]\nclass_weight = [1.0, 2.0]\n");
    assert!(text.contains(balanced), "{text}");
    read(&format!("[compile]\n{balanced}\n"));
}
