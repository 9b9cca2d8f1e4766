//! Networks that are made sick on purpose, each in one way, and healthy ones: the right finding comes first, and none where
//! there is nothing.

#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

mod support;

use cnn_data::{Images, Split};
use cnn_train::doctor::{Case, Code, Diagnosis, Exam, Outcome, examine};
use cnn_train::{Config, RunHistory, TrainOptions, Trainer};
use ndarray::Array4;
use support::{MODEL, stripes, trainer};

fn config(toml: &str) -> Config {
    Config::from_toml("model.toml", toml).unwrap_or_else(|found| panic!("{found}")).0
}

fn exam() -> Exam {
    Exam { images: 800, options: TrainOptions { threads: 2, ..TrainOptions::default() } }
}

/// A change of the initial weights.
type Change<'a> = &'a dyn Fn(&mut [f32]);

/// Trains, from changed weights if so asked, and examines what came out.
fn examined(toml: &str, train: &Split, initial: Option<Change<'_>>) -> Diagnosis {
    let config = config(toml);
    let model = config.model.build().unwrap();
    let mut weights = model.initial_weights(config.fit.seed);
    initial.inspect(|change| change(&mut weights));
    let mut trainer = trainer(toml, 2);
    trainer.set_weights(&weights).unwrap();
    let fit = trainer.fit(train, None, &mut []).unwrap();
    let (history, test) = (RunHistory::new(&fit, config.fit.batch_size), stripes(300, 9));
    let trained = (!fit.diverged()).then(|| trainer.weights().to_vec());
    let case = Case {
        test: Some(&test),
        initial: Some(&weights),
        trained: trained.as_deref().filter(|weights| weights.iter().all(|w| w.is_finite())),
        history: Some(&history),
        ..Case::new(&config, &model, train)
    };
    examine(&case, &exam()).unwrap()
}

fn codes(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis.findings.iter().map(|finding| finding.code.name()).collect()
}

/// What was found and what was seen, a line each.
fn told(diagnosis: &Diagnosis) -> String {
    let findings = diagnosis
        .findings
        .iter()
        .map(|f| format!("{}: {} {:?}\n", f.code.name(), f.seen, f.explained_by));
    let checks =
        diagnosis.checks.iter().map(|c| format!("  {:?} {}: {}\n", c.outcome, c.name, c.seen));
    findings.chain(checks).collect()
}

/// The first finding, and the symptom that it explains.
fn assert_first(diagnosis: &Diagnosis, first: Code, symptom: Option<Code>) {
    assert_eq!(diagnosis.findings.first().map(|f| f.code), Some(first), "{}", told(diagnosis));
    for finding in &diagnosis.findings {
        assert!(!finding.seen.is_empty() && !finding.cure.is_empty() && !finding.why.is_empty());
    }
    if let Some(symptom) = symptom {
        let found = diagnosis.findings.iter().find(|finding| finding.code == symptom);
        let found = found.unwrap_or_else(|| panic!("no {symptom:?} in {:?}", codes(diagnosis)));
        assert!(found.explained_by.contains(&first), "{found:?}");
    }
}

fn adam(rate: &str) -> String {
    format!("{MODEL}\n[compile]\noptimizer = {{ type = \"Adam\", learning_rate = {rate} }}\n")
}

/// Floats from the bytes of a split.
fn floats(split: &Split, f: impl Fn(f32) -> f32) -> Split {
    let Images::U8(images) = &split.images else { panic!("bytes") };
    Split {
        images: Images::F32(images.mapv(|byte| f(f32::from(byte)))),
        labels: split.labels.clone(),
    }
}

/// The labels in another order, so that they have nothing to do with the images.
fn shuffled(mut split: Split) -> Split {
    let mut state = 1u64;
    for i in (1..split.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        split.labels.swap(i, (state >> 33) as usize % (i + 1));
    }
    split
}

#[test]
fn healthy_trainings_have_no_finding() {
    let deeper = MODEL.replace("units = 12", "units = 24");
    let sgd = format!(
        "{}\n[compile]\noptimizer = {{ type = \"SGD\", learning_rate = 0.05, momentum = 0.9 }}\n",
        MODEL.replace("epochs = 4", "epochs = 6")
    );
    let dense = r#"
        input = [8, 8, 1]
        layers = ["Flatten", { type = "Dense", units = 24, activation = "tanh" }, { type = "Dense", units = 3, activation = "softmax" }]
        fit = { epochs = 12, validation_split = 0.2, eval_train = true }
    "#;
    let augmented = MODEL
        .replacen("[[layers]]", "[[layers]]\ntype = \"RandomTranslation\"\nheight_factor = 0.1\nwidth_factor = 0.1\n\n[[layers]]", 1)
        .replace("epochs = 4", "epochs = 8");
    for (name, toml) in [
        ("adam", MODEL),
        ("wide", &deeper),
        ("sgd", &sgd),
        ("dense", dense),
        ("augmented", &augmented),
    ] {
        let diagnosis = examined(toml, &stripes(900, 1), None);
        assert!(diagnosis.findings.is_empty(), "{name}: {}", told(&diagnosis));
        let skipped =
            diagnosis.checks.iter().filter(|check| check.outcome == Outcome::Skipped).count();
        assert!(diagnosis.checks.len() >= 11 && skipped == 0, "{name}: {}", told(&diagnosis));
        assert_eq!(diagnosis.images, 800.min(if name == "dense" { 720 } else { 800 }));
    }
}

#[test]
fn a_rate_that_is_far_too_high_diverges() {
    assert_first(&examined(&adam("1e3"), &stripes(600, 1), None), Code::RateTooHigh, None);
    let wild = adam("1e3").replace("Adam", "SGD");
    assert_first(
        &examined(&wild, &stripes(600, 1), None),
        Code::RateTooHigh,
        Some(Code::StuckAtChance),
    );
    let wilder = adam("1e30").replace("Adam", "SGD");
    assert_first(
        &examined(&wilder, &stripes(600, 1), None),
        Code::RateTooHigh,
        Some(Code::Diverged),
    );
    assert_first(&examined(&adam("0.3"), &stripes(600, 1), None), Code::RateTooHigh, None);
}

#[test]
fn a_rate_that_is_far_too_low_does_not_move() {
    let diagnosis = examined(&adam("1e-9"), &stripes(600, 1), None);
    assert_first(&diagnosis, Code::RateTooLow, Some(Code::StuckAtChance));
    let suggested =
        diagnosis.findings[0].numbers.iter().find(|(name, _)| *name == "suggested").unwrap().1;
    assert!((1e-4..0.1).contains(&suggested), "{suggested}");
    assert_first(
        &examined(&adam("0.0"), &stripes(600, 1), None),
        Code::RateTooLow,
        Some(Code::StuckAtChance),
    );
}

#[test]
fn relus_that_are_born_dead_are_told_from_those_that_were_killed() {
    // The convolution's bias: 54 kernel weights come first.
    let bias = |weights: &mut [f32]| weights[54..60].fill(-100.0);
    let diagnosis = examined(MODEL, &stripes(600, 1), Some(&bias));
    assert_first(&diagnosis, Code::BornDead, Some(Code::StuckAtChance));
    assert!(
        diagnosis.findings[0].seen.contains("6 of 6 units of conv2d"),
        "{}",
        diagnosis.findings[0].seen
    );

    let config = config(MODEL);
    let model = config.model.build().unwrap();
    let (train, mut dead) = (stripes(600, 1), model.initial_weights(7));
    bias(&mut dead);
    let case = Case { trained: Some(&dead), ..Case::new(&config, &model, &train) };
    let diagnosis = examine(&case, &exam()).unwrap();
    assert!(codes(&diagnosis).contains(&"dead-relus"), "{}", told(&diagnosis));
    assert!(!codes(&diagnosis).contains(&"born-dead"));
}

#[test]
fn labels_that_say_nothing_about_the_images() {
    // Trained briefly it stays at chance, trained long it memorises: the finding is the same.
    for epochs in ["epochs = 2", "epochs = 60"] {
        let toml = MODEL.replace("epochs = 4", epochs).replace("units = 12", "units = 64");
        let config = config(&toml);
        let model = config.model.build().unwrap();
        let (train, test) = (shuffled(stripes(600, 1)), shuffled(stripes(300, 9)));
        let mut trainer = Trainer::new(&config, model.clone(), exam().options).unwrap();
        let fit = trainer.fit(&train, None, &mut []).unwrap();
        let history = RunHistory::new(&fit, 32);
        let case = Case {
            test: Some(&test),
            trained: Some(trainer.weights()),
            history: Some(&history),
            ..Case::new(&config, &model, &train)
        };
        let diagnosis = examine(&case, &exam()).unwrap();
        assert_first(&diagnosis, Code::LabelsUnrelated, None);
    }
}

#[test]
fn inputs_far_from_one_come_before_what_they_cause() {
    let bytes = examined(MODEL, &floats(&stripes(600, 1), |byte| byte * 255.0), None);
    assert_first(&bytes, Code::InputNotNormalised, None);
    let twice = examined(MODEL, &floats(&stripes(600, 1), |byte| byte / 65_025.0), None);
    assert_first(&twice, Code::InputNotNormalised, None);
    let shifted = examined(MODEL, &floats(&stripes(600, 1), |byte| byte / 255.0 + 5.0), None);
    assert_first(&shifted, Code::InputNotNormalised, None);
}

#[test]
fn pixels_that_are_no_numbers_or_say_nothing() {
    let mut broken = floats(&stripes(600, 1), |byte| byte / 255.0);
    let Images::F32(images) = &mut broken.images else { panic!("floats") };
    images[[100, 3, 3, 0]] = f32::NAN;
    assert_first(&examined(MODEL, &broken, None), Code::InputNotFinite, Some(Code::Diverged));
    let blank =
        Split { images: Images::U8(Array4::zeros((600, 8, 8, 1))), labels: stripes(600, 1).labels };
    assert_first(&examined(MODEL, &blank, None), Code::InputBlank, Some(Code::StuckAtChance));
}

#[test]
fn a_network_too_deep_for_its_gradients() {
    let layer = "{ type = \"Dense\", units = 6, activation = \"sigmoid\" },";
    let toml = format!(
        "input = [8, 8, 1]\nlayers = [\"Flatten\", {} {{ type = \"Dense\", units = 3, activation = \"softmax\" }}]\n\
         fit = {{ epochs = 4, seed = 7 }}",
        layer.repeat(20)
    );
    let diagnosis = examined(&toml, &stripes(600, 1), None);
    assert_first(&diagnosis, Code::VanishingGradients, Some(Code::StuckAtChance));
}

#[test]
fn labels_beyond_the_outputs_and_classes_without_images() {
    let mut train = stripes(600, 1);
    train.labels[5] = 255;
    let (config, toml) = (config(MODEL), MODEL.replace("units = 3", "units = 9"));
    let model = config.model.build().unwrap();
    let diagnosis = examine(&Case::new(&config, &model, &train), &exam()).unwrap();
    assert_first(&diagnosis, Code::LabelOutOfRange, None);
    assert!(diagnosis.findings[0].cure.contains("256 units"));

    let diagnosis = examined(&toml, &stripes(900, 1), None);
    assert_first(&diagnosis, Code::ClassesMissing, None);
    assert!(diagnosis.findings[0].seen.contains("6 of 9 outputs"));
}

#[test]
fn sorted_data_and_what_a_split_leaves_of_it() {
    let all = stripes(900, 1);
    let mut order: Vec<u32> = (0..900).collect();
    order.sort_by_key(|&i| all.labels[i as usize]);
    let sorted = all.select(&order);
    let split = MODEL.replace("epochs = 4", "epochs = 4\nvalidation_split = 0.33");
    assert_first(&examined(&split, &sorted, None), Code::SplitByClass, None);
    let unshuffled = MODEL.replace("epochs = 4", "epochs = 4\nshuffle = false");
    assert_first(&examined(&unshuffled, &sorted, None), Code::SortedNotShuffled, None);
    let mixed = examined(&MODEL.replace("epochs = 4", "epochs = 8"), &sorted, None);
    assert!(mixed.findings.is_empty(), "{}", told(&mixed));
}

#[test]
fn small_classes_and_twins_with_other_labels() {
    let all = stripes(900, 1);
    let few: Vec<u32> = (0..900).filter(|&i| i % 3 != 2 || i % 60 == 2).collect();
    let diagnosis = examined(MODEL, &all.select(&few), None);
    assert!(codes(&diagnosis).contains(&"classes-imbalanced"), "{}", told(&diagnosis));

    let twice: Vec<u32> = (0..900).chain(0..90).collect();
    let mut twins = all.select(&twice);
    for label in &mut twins.labels[900..] {
        *label = (*label + 1) % 3;
    }
    let diagnosis = examined(MODEL, &twins, None);
    assert_first(&diagnosis, Code::DuplicatesDisagree, None);
    assert!(
        diagnosis.findings[0].seen.starts_with("180 of 990 images"),
        "{}",
        diagnosis.findings[0].seen
    );
}

#[test]
fn batches_steps_and_stops() {
    let whole = MODEL.replace("batch_size = 32", "batch_size = 5000");
    assert_first(&examined(&whole, &stripes(600, 1), None), Code::BatchCoversData, None);
    let brief =
        MODEL.replace("batch_size = 32", "batch_size = 300").replace("epochs = 4", "epochs = 1");
    assert_first(&examined(&brief, &stripes(600, 1), None), Code::TooFewSteps, None);
}

#[test]
fn too_small_and_too_well_learned() {
    let layer = "[[layers]]\ntype = \"Dense\"\nunits = 1\nactivation = \"tanh\"\n";
    let start = MODEL.find("[[layers]]\ntype = \"Dense\"\nunits = 12").unwrap();
    let end = MODEL.rfind("[[layers]]").unwrap();
    let model = adam("0.01");
    let small = format!("{}{layer}\n{}", &model[..start], &model[end..])
        .replace("epochs = 4", "epochs = 8");
    assert_first(&examined(&small, &stripes(900, 1), None), Code::Underfits, None);

    // Few images in much noise, and many epochs.
    let noisy = |n: usize, seed: u32| {
        let plain = stripes(n, seed);
        let other = stripes(n + 7, seed + 50);
        let (Images::U8(a), Images::U8(b)) = (&plain.images, &other.images) else {
            panic!("bytes")
        };
        let images = Array4::from_shape_fn(a.dim(), |(i, y, x, c)| {
            a[[i, y, x, c]] / 4 + (b[[i + 7, x, y, c]] % 60) * 3
        });
        Split { images: Images::U8(images), labels: plain.labels }
    };
    let toml = r#"
        input = [8, 8, 1]
        layers = ["Flatten", { type = "Dense", units = 128, activation = "relu" }, { type = "Dense", units = 3, activation = "softmax" }]
        fit = { epochs = 150, validation_split = 0.5, eval_train = true }
    "#;
    let diagnosis = examined(toml, &noisy(400, 3), None);
    assert_first(&diagnosis, Code::Overfits, None);
}

#[test]
fn the_findings_do_not_depend_on_threads_and_need_no_run() {
    let (config, train) = (config(MODEL), stripes(600, 1));
    let model = config.model.build().unwrap();
    let look = |threads: usize| {
        let exam = Exam { options: TrainOptions { threads, ..TrainOptions::default() }, ..exam() };
        examine(&Case::new(&config, &model, &train), &exam).unwrap()
    };
    let diagnosis = look(1);
    assert_eq!(diagnosis, look(3));
    assert!(diagnosis.findings.is_empty(), "{}", told(&diagnosis));
}

#[test]
fn what_cannot_be_examined_is_an_error() {
    let config = config(MODEL);
    let model = config.model.build().unwrap();
    let wide = Split { images: Images::U8(Array4::zeros((30, 8, 9, 1))), labels: vec![0; 30] };
    let error = examine(&Case::new(&config, &model, &wide), &exam()).unwrap_err();
    assert_eq!(error.code(), "T001");
    let train = stripes(30, 1);
    let case = Case { trained: Some(&[1.0]), ..Case::new(&config, &model, &train) };
    assert_eq!(examine(&case, &exam()).unwrap_err().code(), "T010");
}
