//! Every schedule: as written in model.toml, over the whole fit by default, and what it refuses.

#![expect(clippy::float_cmp, reason = "these numbers are exact")]

use cnn_optim::schedules::{
    Anneal, CosineDecay, CosineDecayRestarts, ExponentialDecay, FitLength, LearningRate, OneCycle,
    PiecewiseConstantDecay, PolynomialDecay, ScheduleSpec,
};
use cnn_optim::{OptimizerSpec, SGD};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Compile {
    learning_rate: LearningRate,
}

/// Reads a learning rate. The reader of model.toml hands over `type` first; this one sorts keys, so the table is written as serde
/// writes an enum.
fn read(toml: &str) -> Result<LearningRate, String> {
    let text = match toml.strip_prefix("{ type = \"").and_then(|rest| rest.split_once('"')) {
        Some((name, rest)) => format!("{{ {name} = {{ {}", rest.trim_start_matches(", ")),
        None => toml.to_owned(),
    };
    let text = format!("learning_rate = {text}{}", if text == toml { "" } else { " }" });
    toml::from_str::<Compile>(&text).map(|c| c.learning_rate).map_err(|e| e.message().to_owned())
}

const FIT: FitLength = FitLength { epochs: 4, steps_per_epoch: 10 };

/// The rates of the steps of a fit, and of two epochs beyond it.
fn rates(spec: ScheduleSpec) -> Vec<f32> {
    let schedule = LearningRate::Schedule(spec).over(FIT);
    (0..60).map(|step| schedule.at(step)).collect()
}

#[test]
fn every_spec_survives_writing_and_reading() {
    assert!(ScheduleSpec::examples().len() >= 14);
    for spec in ScheduleSpec::examples() {
        let name = spec.name();
        let compile = Compile { learning_rate: LearningRate::Schedule(spec) };
        let text = toml::to_string(&compile).unwrap();
        let back: Compile = toml::from_str(&text).unwrap();
        assert_eq!(back.learning_rate, compile.learning_rate, "{text}");
        let inner = text.replace(&format!("[learning_rate.{name}]\n"), "").replace('\n', ", ");
        let table = format!("{{ type = \"{name}\", {} }}", inner.trim_end_matches(", "));
        assert_eq!(read(&table).unwrap(), compile.learning_rate, "{table}");
    }
    assert_eq!(read("0.5").unwrap(), LearningRate::Constant(0.5));
    assert_eq!(read("1").unwrap(), LearningRate::Constant(1.0));
}

#[test]
fn rates_stay_between_zero_and_the_peak() {
    for spec in ScheduleSpec::examples() {
        let peak = LearningRate::Schedule(spec.clone()).peak() as f32;
        let rates = rates(spec.clone());
        assert!(rates.iter().all(|rate| (0.0..=peak).contains(rate)), "{spec:?}: {rates:?}");
        assert!(rates.iter().any(|rate| *rate >= 0.9 * peak), "{spec:?}: {rates:?}");
    }
}

#[test]
fn without_a_length_a_schedule_takes_the_whole_fit() {
    let cosine = rates(ScheduleSpec::CosineDecay(CosineDecay::examples()[0].clone()));
    assert_eq!((cosine[0], cosine[20], cosine[40], cosine[59]), (0.01, 0.005, 0.0, 0.0));
    let warm = CosineDecay {
        initial_learning_rate: 0.0,
        warmup_target: Some(0.5),
        warmup_epochs: Some(1.0),
        ..CosineDecay::examples()[0].clone()
    };
    let warm = rates(ScheduleSpec::CosineDecay(warm));
    assert_eq!((warm[0], warm[5], warm[10], warm[25], warm[40]), (0.0, 0.25, 0.5, 0.25, 0.0));
    let line = rates(ScheduleSpec::PolynomialDecay(PolynomialDecay::examples()[0].clone()));
    assert_eq!((line[0], line[40], line[59]), (0.1, 0.0001, 0.0001));
    let cycle = rates(ScheduleSpec::OneCycle(OneCycle::examples()[0].clone()));
    let last = (0.1 / 25.0 / 1e4) as f32;
    assert_eq!((cycle[0], cycle[11], cycle[39], cycle[59]), (0.004, 0.1, last, last));
    // A fit of one step has no middle.
    let short = LearningRate::Schedule(ScheduleSpec::OneCycle(OneCycle::examples()[0].clone()));
    assert_eq!(short.over(FitLength { epochs: 1, steps_per_epoch: 1 }).at(0), last);
}

#[test]
fn epochs_are_steps_once_the_fit_is_known() {
    let spec = ExponentialDecay::examples()[0].clone();
    let steps = ExponentialDecay { decay_steps: Some(25), ..spec.clone() };
    let epochs = ExponentialDecay { decay_steps: None, decay_epochs: Some(2.5), ..spec };
    assert_eq!(
        rates(ScheduleSpec::ExponentialDecay(steps)),
        rates(ScheduleSpec::ExponentialDecay(epochs))
    );
    let values = vec![1.0, 0.5, 0.25];
    let epochs = PiecewiseConstantDecay {
        boundaries: None,
        boundary_epochs: Some(vec![1.0, 2.5]),
        values: values.clone(),
    };
    let pieces = rates(ScheduleSpec::PiecewiseConstantDecay(epochs));
    // The first epoch has the first value, to its last step; in Keras's steps that is step 9.
    assert_eq!((pieces[9], pieces[10], pieces[24], pieces[25]), (1.0, 0.5, 0.5, 0.25));
    let steps =
        PiecewiseConstantDecay { boundaries: Some(vec![9, 24]), boundary_epochs: None, values };
    assert_eq!(pieces, rates(ScheduleSpec::PiecewiseConstantDecay(steps)));
}

#[test]
fn restarts_are_where_they_belong_for_any_growth() {
    for t_mul in [1.0_f64, 1.1, 1.5, 2.0, 3.0, 10.0] {
        let spec = CosineDecayRestarts {
            first_decay_steps: Some(10),
            t_mul,
            ..CosineDecayRestarts::examples()[0].clone()
        };
        let schedule = LearningRate::Schedule(ScheduleSpec::CosineDecayRestarts(spec)).over(FIT);
        let (mut begin, mut length) = (0.0_f64, 10.0_f64);
        for step in 0..5000_u64 {
            // Where rounding decides, either side is right.
            let next = begin + length;
            if (step as f64 - next).abs() < 1e-6 * next {
                (begin, length) = (next, length * t_mul);
                continue;
            }
            if step as f64 > next {
                (begin, length) = (next, length * t_mul);
            }
            let share = (step as f64 - begin) / length;
            let exact = 0.05 * (1.0 + (std::f64::consts::PI * share).cos());
            let ours = f64::from(schedule.at(step));
            assert!((ours - exact).abs() < 1e-7, "t_mul {t_mul}, step {step}: {ours} {exact}");
        }
    }
}

#[test]
fn what_does_not_work_is_said_once_with_its_key() {
    let head = "type = \"CosineDecay\", initial_learning_rate = 0.1";
    let cases = [
        (format!("{{ {head}, alpha = 1.5 }}"), "alpha", "CosineDecay: `alpha` must be in [0, 1], got 1.5"),
        (format!("{{ {head}, decay_steps = 0 }}"), "decay_steps", "must be at least 1, got 0"),
        (format!("{{ {head}, decay_steps = 5, decay_epochs = 1.0 }}"), "decay_epochs", "are both given"),
        (format!("{{ {head}, decay_epochs = -1.0 }}"), "decay_epochs", "greater than 0, got -1"),
        (format!("{{ {head}, warmup_epochs = 1.0 }}"), "warmup_epochs", "no effect without `warmup_target`"),
        (format!("{{ {head}, warmup_target = 1.0 }}"), "warmup_epochs", "is missing, and so is the same in steps"),
        ("{ type = \"ExponentialDecay\", initial_learning_rate = 0.1, decay_rate = 0.5 }".into(), "decay_epochs", "missing"),
        ("{ type = \"ExponentialDecay\", initial_learning_rate = -0.1, decay_rate = 0.5 }".into(), "initial_learning_rate", "at least 0"),
        ("{ type = \"ExponentialDecay\", initial_learning_rate = 0.1, decay_rate = inf, decay_steps = 5 }".into(), "decay_rate", "finite"),
        ("{ type = \"InverseTimeDecay\", initial_learning_rate = 0.1, decay_rate = -1.0, decay_steps = 5 }".into(), "decay_rate", "finite"),
        ("{ type = \"PolynomialDecay\", initial_learning_rate = 0.1, power = 0.0 }".into(), "power", "greater than 0"),
        ("{ type = \"PiecewiseConstantDecay\", boundaries = [3], values = [0.1] }".into(), "values", "one number more"),
        ("{ type = \"PiecewiseConstantDecay\", boundaries = [3, 3], values = [0.1, 0.1, 0.1] }".into(), "boundaries", "must rise"),
        ("{ type = \"PiecewiseConstantDecay\", boundary_epochs = [0.0], values = [0.1, 0.1] }".into(), "boundary_epochs", "must rise, from above 0"),
        ("{ type = \"PiecewiseConstantDecay\", values = [0.1] }".into(), "boundaries", "must be given"),
        ("{ type = \"PiecewiseConstantDecay\", boundaries = [3], values = [0.1, nan] }".into(), "values", "got NaN"),
        ("{ type = \"CosineDecayRestarts\", initial_learning_rate = 0.1 }".into(), "first_decay_epochs", "missing"),
        ("{ type = \"CosineDecayRestarts\", initial_learning_rate = 0.1, first_decay_steps = 5, t_mul = 0.5 }".into(), "t_mul", "from 1 to 1000"),
        ("{ type = \"OneCycle\", max_lr = 0.1, pct_start = 1.5 }".into(), "pct_start", "in [0, 1]"),
        ("{ type = \"OneCycle\", max_lr = 0.1, div_factor = 0.5 }".into(), "div_factor", "at least 1"),
        ("{ type = \"OneCycle\", max_lr = 0.1, final_div_factor = 0.0 }".into(), "final_div_factor", "greater than 0"),
    ];
    for (text, key, message) in cases {
        let learning_rate = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let spec = OptimizerSpec::SGD(SGD { learning_rate, ..SGD::default() });
        let error = spec.build(&[]).unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert_eq!((error.key(), error.path()), (key, format!("learning_rate.{key}")));
    }
}

#[test]
fn mistakes_of_writing_are_named() {
    for (text, message) in [
        ("{ type = \"OneCycle\" }", "missing field `max_lr`"),
        ("{ max_lr = 0.1 }", "a table with a `type`"),
        ("{}", "a table with a `type`"),
        (
            "{ type = \"OneCycle\", max_lr = 0.1, pct = 1 }",
            "unknown field `pct`, expected one of `max_lr`",
        ),
        (
            "{ type = \"OneCycle\", max_lr = 0.1, anneal_strategy = \"cosine\" }",
            "expected `cos` or `linear`",
        ),
        ("\"fast\"", "expected a number such as 0.001, or a schedule such as"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
    assert_eq!(OneCycle::examples()[1].anneal_strategy, Anneal::Linear);
}
