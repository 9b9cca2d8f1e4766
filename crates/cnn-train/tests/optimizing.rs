//! What an optimizer does beside its rule, in whole trainings: schedules, averages, updates that need all gradients.

mod support;

use cnn_callbacks::{BatchEnd, BuildContext, Callback, Control, EpochEnd, SwapEMAWeights};
use cnn_nn::ModelSpec;
use cnn_nn::layers::LayerSpec;
use cnn_optim::PARAMETER_NAMES;
use cnn_optim::schedules::FitLength;
use cnn_train::{Config, Trainer};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use support::{MODEL, stripes, trainer};

fn with(optimizer: &str) -> String {
    format!("{}\n[compile]\noptimizer = {optimizer}\n", MODEL.replace("epochs = 4", "epochs = 3"))
}

/// What training shows: rates and losses of batches, weights at the ends of epochs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    rates: Vec<f32>,
    losses: Vec<f64>,
    weights: Vec<Vec<f32>>,
}

struct Watch(Arc<Mutex<Seen>>);

impl Callback for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, _: &mut Control) {
        let mut seen = self.0.lock().expect("no test panicked");
        seen.rates.push(event.learning_rate);
        seen.losses.push(event.logs.get("loss").expect("there is a loss"));
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _: &mut Control) {
        self.0.lock().expect("no test panicked").weights.push(event.weights.to_vec());
    }
}

/// A training with validation; what it showed, its losses on the validation images, and the trainer.
fn train(optimizer: &str, swap: Option<bool>) -> (Seen, Vec<f64>, Trainer) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut callbacks: Vec<Box<dyn Callback>> = vec![Box::new(Watch(seen.clone()))];
    if let Some(swap_on_epoch) = swap {
        let callback = SwapEMAWeights { swap_on_epoch }.build(&BuildContext::new("run"));
        callbacks.push(callback.expect("nothing in it can be wrong"));
    }
    let mut t = trainer(&with(optimizer), 2);
    let result =
        t.fit(&stripes(150, 1), Some(&stripes(60, 2)), &mut callbacks).expect("sound data");
    let losses = result.history.get("val_loss").expect("there is validation").to_vec();
    let seen = seen.lock().expect("no test panicked").clone();
    (seen, losses, t)
}

#[test]
fn every_step_is_taken_with_the_rate_of_the_schedule() {
    let schedule = "{ type = \"CosineDecay\", initial_learning_rate = 0.0, warmup_target = 0.02, warmup_epochs = 1 }";
    let optimizer = format!("{{ type = \"SGD\", learning_rate = {schedule} }}");
    let (seen, _, t) = train(&optimizer, None);
    let (config, _) = Config::from_toml("model.toml", &with(&optimizer)).unwrap();
    assert!(config.compile.optimizer.is_scheduled());
    // 150 images in batches of 32 are five steps.
    let rates = config.compile.optimizer.learning_rate();
    let rates = rates.over(FitLength { epochs: 3, steps_per_epoch: 5 });
    let expected: Vec<f32> = (0..15).map(|step| rates.at(step)).collect();
    assert_eq!(seen.rates, expected);
    assert_eq!((seen.rates[0], seen.rates[5], t.learning_rate()), (0.0, 0.02, expected[14]));
}

#[test]
fn a_schedule_does_not_disturb_a_range_test() {
    let optimizer = "{ type = \"Adam\", learning_rate = { type = \"OneCycle\", max_lr = 0.03 } }";
    let mut t = trainer(&with(optimizer), 1);
    let curve = t.lr_range_test(&stripes(150, 1), &cnn_train::LrRange::default()).unwrap();
    let plain = "{ type = \"Adam\", learning_rate = 0.03 }";
    let same =
        trainer(&with(plain), 1).lr_range_test(&stripes(150, 1), &cnn_train::LrRange::default());
    assert_eq!(curve, same.unwrap());
    // Afterwards the schedule is back.
    t.fit(&stripes(150, 1), None, &mut []).unwrap();
    assert!(t.learning_rate() < 1e-6, "{}", t.learning_rate());
}

#[test]
fn weights_become_their_mean_at_the_end_and_are_measured_with_it_before_that_where_asked() {
    let (without, of_weights, mut t) = train("{ type = \"Adam\" }", None);
    let mean = "{ type = \"Adam\", use_ema = true, ema_momentum = 0.9 }";
    let (plain, losses, mut with_mean) = train(mean, None);
    // The mean changes nothing before the end.
    assert_eq!((&plain, &losses), (&without, &of_weights));
    assert_eq!(t.weights(), without.weights[2]);
    assert_ne!(with_mean.weights(), plain.weights[2]);
    let at_end = with_mean.evaluate(&stripes(60, 2)).unwrap().loss;
    assert!((at_end - losses[2]).abs() > 1e-6);

    let (measured, swapped, mut t_measured) = train(mean, Some(false));
    assert_eq!(measured, without);
    assert!(
        swapped.iter().zip(&losses).all(|(a, b)| (a - b).abs() > 1e-6),
        "{swapped:?} {losses:?}"
    );
    assert!((swapped[2] - at_end).abs() < 1e-6, "{swapped:?}, {at_end}");
    assert!((t_measured.evaluate(&stripes(60, 2)).unwrap().loss - at_end).abs() < 1e-12);

    let (shown, same, t_shown) = train(mean, Some(true));
    assert_eq!((same, &shown.losses), (swapped, &without.losses));
    assert_eq!(shown.weights[2], t_shown.weights());
    assert_eq!(t_shown.weights(), with_mean.weights());
    assert!(shown.weights.iter().zip(&without.weights).all(|(a, b)| a != b));
    assert!(t.evaluate(&stripes(60, 2)).is_ok());
}

#[test]
fn a_mean_that_is_not_kept_cannot_be_measured() {
    let mut t = trainer(&with("{ type = \"Adam\" }"), 1);
    let swap: Box<dyn Callback> = Box::new(SwapEMAWeights::default());
    let error = t.fit(&stripes(40, 1), None, &mut [swap]).unwrap_err();
    assert!(error.to_string().contains("set `use_ema = true`"), "{error}");
    let toml = format!("{}\n[[callbacks]]\ntype = \"SwapEMAWeights\"\n", with("\"adam\""));
    let found = Config::from_toml("model.toml", &toml).unwrap_err().to_string();
    assert!(found.contains("M073") && found.matches("error").count() == 1, "{found}");
}

#[test]
fn all_gradients_first_learns_the_same_bits_on_any_number_of_threads() {
    for optimizer in [
        "{ type = \"Adam\", global_clipnorm = 0.5 }",
        "{ type = \"SGD\", learning_rate = 0.1, clipnorm = 0.1, weight_decay = 0.01, exclude_from_weight_decay = [\"bias\"] }",
        "{ type = \"Muon\", learning_rate = 0.01, exclude_layers = [\"dense_1\"], use_ema = true, lookahead = {} }",
    ] {
        let hash = |threads| {
            let mut t = trainer(&with(optimizer), threads);
            let result = t.fit(&stripes(333, 1), None, &mut []).unwrap();
            let losses = result.history.get("loss").unwrap();
            assert!(losses[2] < losses[0], "{optimizer}: {losses:?}");
            t.weights_hash()
        };
        let one = hash(1);
        assert!([2, 3].into_iter().all(|threads| hash(threads) == one), "{optimizer}");
    }
}

#[test]
fn a_norm_that_is_never_reached_changes_no_bit() {
    let hash = |optimizer: &str| {
        let mut t = trainer(&with(optimizer), 2);
        t.fit(&stripes(150, 1), None, &mut []).unwrap();
        t.weights_hash()
    };
    // The two ways of updating, block by block and all at once, are the same arithmetic.
    let plain = hash("{ type = \"Adam\" }");
    assert_eq!(plain, hash("{ type = \"Adam\", global_clipnorm = 1e6 }"));
    assert_eq!(plain, hash("{ type = \"Adam\", clipnorm = 1e6, weight_decay = 0.0 }"));
    assert_eq!(
        plain,
        hash("{ type = \"Adam\", clipvalue = 1e6, learning_rate_multipliers = { bias = 1.0 } }")
    );
    assert_ne!(plain, hash("{ type = \"Adam\", clipnorm = 1e-9 }"));
}

#[test]
fn mistakes_in_the_shared_keys_point_at_them() {
    for (optimizer, code, message) in [
        (
            "{ type = \"Adam\", clipnorm = 1.0, clipvalue = 1.0 }",
            "M062",
            "`clipvalue` cannot be combined",
        ),
        ("{ type = \"Adam\", clip_norm = 1.0 }", "M003", "did you mean `clipnorm`?"),
        (
            "{ type = \"Adam\", learning_rate_multipliers = { conv = 2.0 } }",
            "M062",
            "`conv` means no parameter",
        ),
        (
            "{ type = \"Muon\", exclude_from_weight_decay = [\"bias\"], exclude_layers = [\"gamma\", \"dense1\"] }",
            "M062",
            "`dense1` means no parameter; did you mean `dense_1`?",
        ),
        ("{ type = \"Adam\", ema_momentum = 0.9 }", "M062", "set `use_ema = true`"),
        (
            "{ type = \"Adam\", lookahead = { sync_period = 0 } }",
            "M062",
            "`sync_period` must be at least 1",
        ),
        ("{ type = \"Adam\", use_ema = 1 }", "M006", "expected true or false"),
        ("{ type = \"Muon\", momentum = 1.0 }", "M062", "in [0, 1), got 1"),
    ] {
        let found = Config::from_toml("model.toml", &with(optimizer)).unwrap_err().to_string();
        assert!(found.contains(code) && found.contains(message), "{optimizer}: {found}");
        assert_eq!(found.matches("error[").count(), 1, "{found}");
        // The caret stands under the word itself.
        let caret = "^".repeat("\"dense1\"".len());
        assert!(!optimizer.contains("dense1") || found.contains(&format!(" {caret}\n")), "{found}");
    }
}

#[test]
fn all_keys_come_back_as_they_were_written() {
    for optimizer in [
        "{ type = \"SGD\", momentum = 0.9, weight_decay = 0.1, exclude_from_weight_decay = [\"bias\"], clipnorm = 1.5, \
         learning_rate = { decay_epochs = 2.5, type = \"exponential_decay\", initial_learning_rate = 0.5, decay_rate = 0.25 } }",
        "{ type = \"Muon\", exclude_layers = [\"dense_1\"], use_ema = true, ema_momentum = 0.5, ema_overwrite_frequency = 7, \
         learning_rate_multipliers = { bias = 2.0, \"dense/kernel\" = 0.5 } }",
        "{ type = \"AdamW\", weight_decay = 0.0, global_clipnorm = 0.25, lookahead = { sync_period = 3 }, learning_rate = 1 }",
        "{ type = \"lion\", clipvalue = 0.125, learning_rate = { type = \"OneCycle\", max_lr = 0.01, anneal_strategy = \"linear\" } }",
    ] {
        let text = with(optimizer)
            .replace("units = 12", "units = 12\nkernel_constraint = { max_norm = 1.5 }");
        let (config, _) =
            Config::from_toml("model.toml", &text).unwrap_or_else(|found| panic!("{found}"));
        let written = config.to_toml().unwrap();
        let (back, _) =
            Config::from_toml("written.toml", &written).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(back, config, "{written}");
        assert!(written.contains("kernel_constraint = { max_norm = 1.5 }"), "{written}");
    }
}

#[test]
fn the_names_of_parameters_are_those_that_layers_train() {
    let mut used = BTreeSet::new();
    for (spec, input) in LayerSpec::examples() {
        let model = ModelSpec::new(input, [spec]).build().expect("an example is sound");
        let own = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        used.extend(model.params().filter(|param| param.trainable).map(|param| own(&param.name)));
    }
    assert_eq!(used, PARAMETER_NAMES.map(str::to_owned).into());
}
