//! A scripted run, as a training loop would send it: a progress bar, `StopAt`, and a callback of one's own.
//! Run `cargo run -p cnn-callbacks --example scripted`.

use cnn_callbacks::{
    BatchEnd, BuildContext, Callback, Control, EpochBegin, EpochEnd, Logs, ProgressBar, StopAt,
    Style, TrainBegin, TrainEnd, check_monitors,
};
use std::error::Error;

/// Halves the learning rate every second epoch.
struct Halve(f32);

impl Callback for Halve {
    fn name(&self) -> &'static str {
        "Halve"
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        if event.epoch % 2 == 1 {
            self.0 /= 2.0;
            control.set_learning_rate(self.0);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let context = BuildContext::new("run");
    let stop_at = StopAt::accuracy(0.9).build(&context)?;
    let bar = ProgressBar::new(Box::new(std::io::stdout()), Style::Lines);
    let mut callbacks: Vec<Box<dyn Callback>> = vec![stop_at, Box::new(bar), Box::new(Halve(0.01))];
    let metrics = ["accuracy".to_owned(), "loss".to_owned()];
    check_monitors(&mut callbacks, &metrics).map_err(|mistakes| mistakes[0].1.clone())?;

    let (epochs, steps, mut learning_rate) = (10, 4, 0.01);
    let (mut control, mut logs) = (Control::new(), Logs::new());
    let begin = TrainBegin { epochs, steps, samples: 128, ..TrainBegin::of(&metrics) };
    for c in &mut callbacks {
        c.on_train_begin(&begin, &mut control);
    }
    let mut done = 0;
    while done < epochs && control.stopped_by().is_none() {
        let epoch = done;
        for c in &mut callbacks {
            c.on_epoch_begin(
                &EpochBegin { epoch, epochs, steps, learning_rate: 0.001 },
                &mut control,
            );
        }
        for step in 0..steps {
            let learned = (epoch * steps + step) as f64 + 2.0;
            logs.set("accuracy", 1.0 - 1.0 / learned);
            logs.set("loss", 2.0 / learned);
            let event = BatchEnd {
                epoch,
                step,
                steps,
                samples: 32 * (step + 1),
                learning_rate,
                elapsed: 0.02 * (step + 1) as f64,
                ..BatchEnd::of(&logs)
            };
            for c in &mut callbacks {
                c.on_batch_end(&event, &mut control);
            }
        }
        let event =
            EpochEnd { epoch, epochs, steps, samples: 128, elapsed: 0.1, ..EpochEnd::of(&logs) };
        for c in &mut callbacks {
            c.on_epoch_end(&event, &mut control);
        }
        learning_rate = control.take_learning_rate().unwrap_or(learning_rate);
        done += 1;
    }
    let stopped_by = control.stopped_by().cloned();
    let end = TrainEnd { epochs: done, logs: &logs, stopped_by: stopped_by.as_ref() };
    for c in &mut callbacks {
        c.on_train_end(&end, &mut control);
    }
    assert!(done < epochs && learning_rate < 0.01);
    Ok(())
}
