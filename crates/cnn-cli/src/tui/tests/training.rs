//! Real training with the screen as a callback.

use super::super::Screen;
use super::*;
use cnn_callbacks::Callback;
use cnn_data::{Images, Split};
use cnn_train::{Config, FitResult, TrainOptions, Trainer};
use ndarray::Array4;

const MODEL: &str = r#"
input = [6, 6, 1]
layers = ["Flatten", { type = "Dense", units = 3, activation = "softmax" }]
fit = { epochs = 3, batch_size = 8, seed = 5, validation_split = 0.2 }
"#;

/// Images with a bright row that names the class.
fn data() -> Split {
    let labels: Vec<u32> = (0..120).map(|i| i * 7 % 3).collect();
    let images = Array4::from_shape_fn((120, 6, 6, 1), |(i, y, x, _)| {
        let noise = ((i * 31 + y * 17 + x * 13) % 90) as u8;
        if y % 3 == i * 7 % 3 { 160 + noise } else { noise }
    });
    Split { images: Images::U8(images), labels }
}

fn train(callbacks: &mut [Box<dyn Callback>]) -> (String, FitResult) {
    let (config, _) = Config::from_toml("model.toml", MODEL).unwrap();
    let model = config.model.build().unwrap();
    let options = TrainOptions { threads: 2, ..TrainOptions::default() };
    let mut trainer = Trainer::new(&config, model, options).unwrap();
    let fit = trainer.fit(&data(), None, callbacks).unwrap();
    (trainer.weights_hash(), fit)
}

fn about() -> About {
    About {
        model: "bars".into(),
        parameters: 111,
        data: "memory".into(),
        classes: ["low", "middle", "high"].map(String::from).to_vec(),
    }
}

fn on_screen(script: Script) -> (String, FitResult) {
    train(&mut [Box::new(Screen::new(about(), script))])
}

#[test]
fn the_weights_are_those_of_a_run_without_a_screen() {
    let (plain, fit) = train(&mut []);
    // Every look finds a key, every batch draws.
    let help = [Some(Wish::Help), None, Some(Wish::Back), None];
    let pause = [Some(Wish::Pause), None, Some(Wish::Pause), None];
    let keys = [&help[..], &pause].concat();
    for wishes in [&[][..], &keys] {
        let (script, seen) = Script::new(0.05, wishes);
        let (hash, watched) = on_screen(script);
        assert_eq!(hash, plain);
        assert_eq!(watched.history.get("val_loss"), fit.history.get("val_loss"));
        let seen = seen.lock().unwrap();
        assert!(!seen.open && seen.screens.len() > 10, "{}", seen.screens.len());
        assert!(seen.screens.last().unwrap().contains(" validation, epoch "));
    }
}

#[test]
fn it_is_drawn_at_most_ten_times_a_second() {
    let (script, seen) = Script::new(0.01, &[]);
    on_screen(script);
    let times = &seen.lock().unwrap().times;
    assert!(times.len() > 1 && times.windows(2).all(|t| t[1] - t[0] >= 0.1 - 1e-9), "{times:?}");
}

#[test]
fn a_key_stops_after_the_step_and_says_so() {
    let (script, seen) = Script::new(0.05, &[None, Some(Wish::Stop("the key s"))]);
    let (_, fit) = on_screen(script);
    let stop = fit.stopped_by.unwrap();
    assert_eq!(stop.by, "tui");
    assert_eq!(stop.reason, "Stopped by the key s in epoch 1/3, after step 2/12");
    assert_eq!(fit.history.len(), 1, "the epoch that was stopped is reported as far as it came");
    assert!(fit.history.get("val_loss").unwrap()[0].is_finite());
    let seen = seen.lock().unwrap();
    assert!(!seen.open && seen.screens.iter().any(|screen| screen.contains("stopping")));
}

#[test]
fn a_pause_waits_and_does_not_count() {
    // Two minutes and a half: a look at the keys waits 0.2 s, and looking at the clock takes 0.05 s.
    let wishes = [&[Some(Wish::Pause)][..], &[None; 601], &[Some(Wish::Pause)]].concat();
    let (script, seen) = Script::new(0.05, &wishes);
    let (_, fit) = on_screen(script);
    assert_eq!((fit.history.len(), fit.stopped_by), (3, None));
    assert!(fit.history.seconds[0] < f64::MIN_POSITIVE, "all of it was the pause");
    let seen = seen.lock().unwrap();
    assert!(seen.screens.iter().any(|screen| screen.contains("paused for 2:30")));
    assert!(seen.screens.iter().any(|screen| screen.contains(" paused ")));
}

#[test]
fn a_pause_can_end_in_a_stop() {
    let (script, _) =
        Script::new(0.05, &[Some(Wish::Pause), None, None, Some(Wish::Stop("Ctrl-C"))]);
    let stop = on_screen(script).1.stopped_by.unwrap();
    assert!(stop.reason.starts_with("Stopped by Ctrl-C in epoch 1/3"), "{}", stop.reason);
}

#[test]
fn a_terminal_that_is_gone_does_not_end_training() {
    let (plain, _) = train(&mut []);
    for fails_at in [0, 3] {
        let (mut script, seen) = Script::new(0.05, &[]);
        script.fails_at = fails_at;
        let (hash, fit) = on_screen(script);
        assert_eq!((hash == plain, fit.stopped_by), (true, None));
        assert!(!seen.lock().unwrap().open);
    }
}

#[test]
fn what_other_callbacks_ask_for_is_noted() {
    let toml = "\n[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"accuracy\"\nthreshold = 0.1\n";
    let (config, _) = Config::from_toml("model.toml", &format!("{MODEL}{toml}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = cnn_train::RunDir::create(folder.path(), false).unwrap();
    let mut callbacks = config.build_callbacks(&run.callback_context()).unwrap();
    let (script, seen) = Script::new(0.2, &[]);
    callbacks.push(Box::new(Screen::new(about(), script)));
    let (_, fit) = train(&mut callbacks);
    assert_eq!(fit.stopped_by.unwrap().by, "StopAt");
    assert!(seen.lock().unwrap().screens.last().unwrap().contains("StopAt: "));
}
