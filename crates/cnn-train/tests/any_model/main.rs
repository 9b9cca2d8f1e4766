//! Any model: what the builder accepts trains, and what it refuses is refused with a reason, at once and without a panic.
//!
//! A model grows layer by layer from a generator over every layer of the registry. A layer that does not fit must be refused by
//! name; one that fits stays. The finished model takes training steps, is evaluated and predicts, on one and on three threads with
//! the same bits. `cargo xtask trust --models N` runs more of them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod generate;

use cnn_data::{Images, Split};
use cnn_nn::Model;
use cnn_nn::config::Severity;
use cnn_nn::layers::LayerSpec;
use cnn_train::{Config, TrainOptions, Trainer};
use generate::Dice;
use ndarray::Array4;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The end of a classifier of three classes, whatever comes before it.
const HEAD: [&str; 2] =
    ["{ type = \"Flatten\" }", "{ type = \"Dense\", units = 3, activation = \"softmax\" }"];

/// A model.toml of these layers.
fn toml(input: &str, layers: &[String]) -> String {
    let mut text = format!("input = {input}\nlayers = [\n");
    for layer in layers {
        let _ = writeln!(text, "  {layer},");
    }
    text += "]\n[compile]\nloss = \"mean_squared_error\"\nmetrics = []\noptimizer = { type = \"Adam\", learning_rate = 1e-4 }\n";
    text + "[fit]\nepochs = 1\nbatch_size = 3\nseed = 3\n"
}

/// The model of a text, or what is said against it. What is said is checked.
fn built(text: &str) -> Result<(Config, Model), String> {
    let (config, _) = Config::from_toml("model.toml", text).map_err(|found| {
        let errors = found.iter().filter(|one| one.severity == Severity::Error);
        let mut said = String::new();
        for one in errors {
            let control = one.message.chars().any(char::is_control);
            assert!(!one.message.is_empty() && !control, "{one:?}\n{text}");
            let _ = writeln!(said, "{} {}", one.code, one.message);
        }
        assert!(!said.is_empty(), "no mistake was named: {found}\n{text}");
        said
    })?;
    let model = config.model.build().map_err(|failure| failure.to_string())?;
    Ok((config, model))
}

/// Whether the machine can be asked to train it within a moment.
fn is_small(model: &Model) -> bool {
    let numbers: usize = model.layers().iter().map(|layer| layer.output.len()).sum();
    model.param_count() < 60_000 && numbers < 60_000 && model.macs() < 2_000_000
}

fn images(shape: &[usize], outputs: usize) -> Option<Split> {
    let &[h, w, c] = shape else { return None };
    let n = 5;
    let images = Array4::from_shape_fn((n, h, w, c), |(i, y, x, z)| {
        (i * 89 + y * 31 + x * 57 + z * 101 + y * x * 7) as u8
    });
    let labels = (0..n as u32).map(|i| i % outputs.min(3) as u32).collect();
    Some(Split { images: Images::U8(images), labels })
}

/// Trains, evaluates and predicts; every number, as bits. Of a `tame` model none may be NaN or infinite.
fn outcome(text: &str, threads: usize, tame: bool) -> Result<Vec<u32>, String> {
    let (config, model) = built(text)?;
    let (shape, input) = (model.input().dims().to_vec(), model.input().len());
    let options = TrainOptions { threads, ..TrainOptions::default() };
    let mut trainer = Trainer::new(&config, model, options).map_err(|error| error.to_string())?;
    let pixels: Vec<f32> = (0..2 * input).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
    let mut numbers = trainer.predict(&pixels).unwrap();
    let finite = |numbers: &[f32]| !tame || numbers.iter().all(|number| number.is_finite());
    assert!(finite(&numbers), "predictions before training: {numbers:?}\n{text}");
    if let Some(split) = images(&shape, trainer.classes()) {
        trainer.fit(&split, None, &mut []).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let loss = trainer.evaluate(&split).unwrap().loss;
        numbers.push(loss as f32);
        numbers.extend(trainer.weights());
        numbers.extend(trainer.predict(&pixels).unwrap());
        assert!(finite(&numbers), "after training: {numbers:?}\n{text}");
    }
    Ok(numbers.into_iter().map(f32::to_bits).collect())
}

/// What was met.
#[derive(Default)]
struct Tally {
    trained: usize,
    refused: usize,
    /// How often each kind of layer was in a model that was trained.
    kinds: BTreeMap<String, usize>,
}

fn kinds_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("type = \"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// One model.
fn try_model(seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let input = match dice.below(12) {
        0 => format!("[{}]", 1 + dice.below(20)),
        1 => format!("[{}, {}]", 1 + dice.below(6), 1 + dice.below(6)),
        _ => format!("[{}, {}, {}]", 1 + dice.below(9), 1 + dice.below(9), 1 + dice.below(4)),
    };
    let mut layers: Vec<String> = Vec::new();
    let mut tame = true;
    for _ in 0..3 + dice.below(9) {
        dice.wild = [0, 0, 3][dice.below(3) as usize];
        let layer = dice.layer(0);
        let with = [&layers[..], std::slice::from_ref(&layer)].concat();
        match built(&toml(&input, &[&with[..], &HEAD.map(String::from)].concat())) {
            Ok((_, model)) if is_small(&model) => {
                layers = with;
                tame &= dice.wild == 0;
            }
            Ok(_) => {}
            Err(said) => {
                let kind = kinds_in(&layer).next().unwrap();
                let named =
                    said.contains(kind) || said.contains("expected") || said.contains("layer");
                assert!(named, "{said} does not name {kind}\n{layer}");
                tally.refused += 1;
            }
        }
    }
    if layers.is_empty() {
        return;
    }
    if dice.below(4) > 0 {
        layers.extend(HEAD.map(String::from));
    }
    let text = toml(&input, &layers);
    let alone = outcome(&text, 1, tame);
    assert!(alone == outcome(&text, 3, tame), "1 and 3 threads differ: {seed}\n{text}");
    match alone {
        Ok(_) => {
            tally.trained += 1;
            for kind in kinds_in(&text) {
                *tally.kinds.entry(kind.to_owned()).or_default() += 1;
            }
        }
        Err(said) => {
            assert!(said.starts_with("M0") || said.contains("loss"), "{said}\n{text}");
            tally.refused += 1;
        }
    }
}

fn try_models(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            try_model(seed, &mut tally);
        }));
        assert!(tried.is_ok(), "model {seed} failed; see above");
    }
    tally
}

/// `TRUST_MODELS` asks for more than these, and other ones.
#[test]
fn what_is_accepted_runs_and_what_is_not_says_why() {
    let more: Option<u64> = std::env::var("TRUST_MODELS").ok().map(|count| count.parse().unwrap());
    let tally = try_models(more.map_or(0..150, |count| 1_000_000..1_000_000 + count));
    println!("{} models trained, {} layers refused", tally.trained, tally.refused);
    for kind in LayerSpec::KINDS {
        let times = tally.kinds.get(*kind).copied().unwrap_or_default();
        println!("  {times:>6} × {kind}");
        assert!(times > 0 || more.is_some(), "no model with {kind} was trained");
    }
}
