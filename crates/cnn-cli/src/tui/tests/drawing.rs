//! What is drawn, at several sizes, as people would see it.

use super::super::state::Phase;
use super::*;
use cnn_callbacks::{BatchEnd, EpochBegin, EpochEnd, Logs, PerClass, TrainBegin};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

const TEN: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// A run as a script.
struct Run {
    classes: Vec<String>,
    epochs: usize,
    /// Epochs that are done, and steps of the next one.
    done: usize,
    steps: usize,
    validation: bool,
    measured: bool,
    /// The loss is no number from this epoch on.
    broken: usize,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            classes: TEN.map(String::from).to_vec(),
            epochs: 5,
            done: 2,
            steps: 812,
            validation: true,
            measured: false,
            broken: usize::MAX,
        }
    }
}

const STEPS: usize = 1875;

/// Running means of an epoch after so many steps.
fn means(run: &Run, epoch: usize, step: usize, logs: &mut Logs) {
    let t = epoch as f64 + step as f64 / STEPS as f64;
    let wave = ((step * 37) % 101) as f64 / 101.0 - 0.5;
    // A running mean: a function of the epoch alone, and a start that is steeper.
    let loss = 0.2
        + 0.5 / (1.0 + epoch as f64)
        + if epoch == 0 { 1.4 / (1.0 + 0.01 * step as f64) } else { 0.0 }
        - 0.1 * (t - epoch as f64);
    logs.set("accuracy", 1.0 - 0.36 * loss + 0.1 * wave / step as f64);
    logs.set("loss", if epoch >= run.broken { f64::NAN } else { loss + 0.3 * wave / step as f64 });
}

/// The state in which the run is.
fn state(run: &Run) -> State {
    let about = About {
        model: "fashion-cnn".into(),
        parameters: 225_034,
        data: "fashion-mnist".into(),
        classes: run.classes.clone(),
    };
    let mut state = State::new(about);
    let names = ["accuracy", "loss"].map(String::from);
    state.train_begin(&TrainBegin {
        epochs: run.epochs,
        steps: STEPS,
        samples: 32 * STEPS,
        ..TrainBegin::of(&names)
    });
    let k = run.classes.len();
    let samples = vec![100u64; k];
    let mut logs = Logs::new();
    for epoch in 0..=run.done.min(run.epochs - 1) {
        state.epoch_begin(&EpochBegin {
            epoch,
            epochs: run.epochs,
            steps: STEPS,
            learning_rate: 0.001,
        });
        let correct: Vec<u64> =
            (0..k as u64).map(|i| (97 * (i + 3) + epoch as u64) % 61 + 40).collect();
        let per_class = PerClass { correct: &correct, samples: &samples };
        let complete = epoch < run.done;
        for step in 0..if complete { STEPS } else { run.steps } {
            means(run, epoch, step + 1, &mut logs);
            state.batch_end(&BatchEnd {
                epoch,
                step,
                steps: STEPS,
                samples: 32 * (step + 1),
                per_class,
                learning_rate: if epoch < 2 { 0.001 } else { 0.0005 },
                elapsed: 0.0022 * (step + 1) as f64,
                ..BatchEnd::of(&logs)
            });
        }
        if complete {
            let mut all = logs.clone();
            let loss = logs.get("loss").unwrap();
            for (prefix, more, there) in
                [("train_", -0.03, run.measured), ("val_", 0.02, run.validation)]
            {
                if there {
                    all.set(&format!("{prefix}accuracy"), 0.9 - more + 0.005 * epoch as f64);
                    all.set(&format!("{prefix}loss"), loss + more);
                }
            }
            state.epoch_end(&EpochEnd {
                epoch,
                epochs: run.epochs,
                steps: STEPS,
                samples: 32 * STEPS,
                per_class,
                train_per_class: run.measured.then_some(per_class),
                val_per_class: run.validation.then_some(per_class),
                elapsed: 4.3,
                ..EpochEnd::of(&all)
            });
        }
    }
    state
}

fn buffer(state: &State, theme: Theme, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    view::render(state, theme, area, &mut buffer);
    buffer
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let rows = buffer.content().chunks(width).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn snapshot(name: &str, state: &State, theme: Theme, width: u16, height: u16) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("../snapshots");
    settings.bind(|| insta::assert_snapshot!(name, text(&buffer(state, theme, width, height))));
}

#[test]
fn windows_of_several_sizes() {
    let state = state(&Run::default());
    snapshot("screen-80x24", &state, PLAIN, 80, 24);
    snapshot("screen-120x40", &state, PLAIN, 120, 40);
    snapshot("screen-60x20", &state, PLAIN, 60, 20);
    snapshot("screen-40x12", &state, PLAIN, 40, 12);
}

#[test]
fn nothing_breaks_at_any_size() {
    let mut state = state(&Run::default());
    for help in [false, true] {
        state.help = help;
        for width in [0, 1, 2, 10, 59, 60, 61, 79, 133, 300] {
            for height in [0, 1, 2, 5, 19, 20, 21, 25, 70] {
                buffer(&state, PLAIN, width, height);
            }
        }
    }
}

#[test]
fn two_and_a_hundred_classes() {
    let of = |n: usize| (0..n).map(|i| format!("class {i}")).collect();
    snapshot("screen-2-classes", &state(&Run { classes: of(2), ..Run::default() }), PLAIN, 80, 24);
    snapshot(
        "screen-100-classes",
        &state(&Run { classes: of(100), ..Run::default() }),
        PLAIN,
        80,
        24,
    );
}

#[test]
fn the_first_epoch_and_a_thousand() {
    let first = Run { epochs: 1, done: 0, validation: false, ..Run::default() };
    snapshot("screen-1-epoch", &state(&first), PLAIN, 80, 24);
    let mut before = State::new(About { model: "m".into(), ..About::default() });
    before.train_begin(&TrainBegin {
        epochs: 2,
        steps: 9,
        samples: 280,
        ..TrainBegin::of(&["loss".into()])
    });
    snapshot("screen-before", &before, PLAIN, 80, 24);
    let mut thousand = state(&Run { epochs: 1000, done: 3, ..Run::default() });
    // As the first ones, without their steps.
    let logs: Logs = [("accuracy", 0.95), ("loss", 0.21), ("val_accuracy", 0.9), ("val_loss", 0.4)]
        .into_iter()
        .collect();
    for epoch in 3..999 {
        thousand.epoch_begin(&EpochBegin {
            epoch,
            epochs: 1000,
            steps: STEPS,
            learning_rate: 0.001,
        });
        let (steps, per_class) = (STEPS, PerClass { correct: &[9; 10], samples: &[10; 10] });
        thousand.batch_end(&BatchEnd {
            epoch,
            step: STEPS - 1,
            steps,
            samples: 60_000,
            elapsed: 4.1,
            per_class,
            learning_rate: 0.0005,
            ..BatchEnd::of(&logs)
        });
        thousand.epoch_end(&EpochEnd {
            epoch,
            epochs: 1000,
            steps,
            samples: 60_000,
            elapsed: 4.3,
            val_per_class: Some(per_class),
            ..EpochEnd::of(&logs)
        });
    }
    snapshot("screen-1000-epochs", &thousand, Theme { colour: true, unicode: true }, 80, 24);
}

#[test]
fn losses_that_are_no_numbers() {
    snapshot("screen-nan", &state(&Run { broken: 1, ..Run::default() }), PLAIN, 80, 24);
    snapshot("screen-all-nan", &state(&Run { broken: 0, ..Run::default() }), PLAIN, 80, 24);
}

#[test]
fn training_images_measured_too() {
    let run = Run { validation: false, measured: true, ..Run::default() };
    snapshot("screen-measured", &state(&run), PLAIN, 100, 30);
}

#[test]
fn help_pause_and_stop() {
    let mut state = state(&Run::default());
    state.help = true;
    state.phase = Phase::Paused;
    snapshot("screen-help", &state, PLAIN, 80, 24);
    state.phase = Phase::Stopping;
    assert!(text(&buffer(&state, PLAIN, 80, 24)).contains("stopping"));
}

#[test]
fn ascii_where_the_locale_is_not_utf8() {
    let theme = Theme { colour: true, unicode: false };
    let mut run = Run::default();
    run.classes[1] = "Hose für Straße".into();
    let state = state(&run);
    assert!(text(&buffer(&state, theme, 120, 40)).is_ascii());
    snapshot("screen-ascii", &state, theme, 80, 24);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let state = state(&Run::default());
    let colours = |theme: Theme| {
        let buffer = buffer(&state, theme, 80, 24);
        buffer
            .content()
            .iter()
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count()
    };
    assert_eq!(colours(PLAIN), 0);
    assert!(colours(Theme { colour: true, unicode: true }) > 200);
}
