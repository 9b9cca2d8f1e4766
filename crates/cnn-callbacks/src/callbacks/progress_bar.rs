//! Keras's progress bar on a terminal, one plain line per epoch elsewhere.
//!
//! ```text
//! Epoch 1/5
//! 1875/1875 ━━━━━━━━━━━━━━━━━━━━ 12s 6ms/step - accuracy: 0.8298 - loss: 0.4684
//! ```
//! The bar has 20 cells. The step is padded to the width of the total. While the epoch runs, the time is what remains (`Ns`,
//! `m:ss`, `h:mm:ss`), afterwards what it took. The bar's time per step leaves out the first step, which pays for warming up.
//! Metrics are sorted, those of validation last; they show as `%.4f`, or `%.4e` where |x| ≤ 1e-3. The line is rewritten at most every 0.05 s.
//!
//! Unlike Keras: the return to the line's start is one `\r`, not a row of backspaces; an epoch that was cut short shows the step
//! it came to, not the total; plain lines carry the epoch's number.
//!
//! **Source**: Keras `utils/progbar.py` and `callbacks/progbar_logger.py`.

use crate::text::{push, push_metric};
use crate::{
    BatchEnd, Callback, Control, EpochBegin, EpochEnd, Logs, Memory, Message, Resume, TrainEnd,
};
use std::fmt;
use std::io::Write;

const CELLS: usize = 20;
const INTERVAL: f64 = 0.05;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar that is redrawn in place (Keras's `verbose=1`), for terminals.
    Bar {
        /// Whether to use ANSI colours, as Keras does.
        colour: bool,
    },
    /// One line at the end of each epoch (Keras's `verbose=2`), for files and pipes.
    Lines,
}

/// Shows how training goes. Also shows why it stopped early, at its end.
///
/// A writer that fails, such as a closed pipe, silences the bar; training goes on.
pub struct ProgressBar {
    out: Option<Box<dyn Write + Send>>,
    style: Style,
    /// Steps done in this epoch.
    done: usize,
    /// Seconds into the epoch at which its first step was done; for the bar only, as in Keras.
    first_step: Option<f64>,
    /// Seconds into the epoch at which the line was last drawn.
    drawn: Option<f64>,
    /// Columns that the line on screen takes.
    width: usize,
    /// Whether that line has not come to its end.
    open: bool,
    line: String,
    order: Vec<usize>,
}

impl fmt::Debug for ProgressBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressBar").field("style", &self.style).finish_non_exhaustive()
    }
}

impl ProgressBar {
    /// Writes to `out`.
    pub fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        let (line, order) = (String::new(), Vec::new());
        Self {
            out: Some(out),
            style,
            done: 0,
            first_step: None,
            drawn: None,
            width: 0,
            open: false,
            line,
            order,
        }
    }

    /// Draws the bar; `last` ends the line.
    fn draw(
        &mut self,
        steps: usize,
        elapsed: f64,
        per_step: f64,
        logs: &Logs,
        last: bool,
        colour: bool,
    ) {
        let ansi = |code: &'static str| if colour { code } else { "" };
        let (bold, green, white, reset) =
            (ansi("\x1b[1m"), ansi("\x1b[32m"), ansi("\x1b[37m"), ansi("\x1b[0m"));
        self.line.clear();
        let line = &mut self.line;
        push(
            line,
            format_args!("\r{bold}{:digits$}/{steps}{reset} ", self.done, digits = digits(steps)),
        );
        let full = (CELLS as f64 * (self.done.min(steps) as f64 / steps.max(1) as f64)) as usize;
        if full > 0 {
            push(line, format_args!("{green}{:━<full$}{reset}", ""));
        }
        push(line, format_args!("{white}{:━<empty$}{reset} {bold}", "", empty = CELLS - full));
        if last {
            push(line, format_args!("{elapsed:.0}s"));
        } else {
            push_eta(line, per_step * (steps - self.done.min(steps)) as f64);
        }
        push(line, format_args!("{reset} "));
        push_per_step(line, per_step);
        push_metrics(line, &mut self.order, logs);
        let codes = if colour { 8 + 9 * (1 + usize::from(full > 0)) + 8 } else { 0 };
        let width = line.chars().count() - 1 - codes;
        push(line, format_args!("{:pad$}", "", pad = self.width.saturating_sub(width)));
        if last {
            line.push('\n');
        }
        (self.width, self.open) = (width, !last);
        self.drawn = Some(elapsed);
        self.write();
    }

    /// Writes the line out, or gives up for good.
    fn write(&mut self) {
        if let Some(out) = &mut self.out
            && out.write_all(self.line.as_bytes()).and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }

    /// Seconds per step, the first left out where there are others. Not negative, whatever the clock does.
    fn per_step(&self, elapsed: f64) -> f64 {
        let seconds = match (self.first_step, self.done) {
            (_, 0) => 0.0,
            (Some(first), n) if n > 1 => (elapsed - first) / (n - 1) as f64,
            (_, n) => elapsed / n as f64,
        };
        seconds.max(0.0)
    }
}

impl Callback for ProgressBar {
    fn name(&self) -> &'static str {
        "ProgressBar"
    }

    fn on_epoch_begin(&mut self, event: &EpochBegin, _control: &mut Control) {
        (self.done, self.width, self.first_step, self.drawn) = (0, 0, None, None);
        if event.epochs > 1 && matches!(self.style, Style::Bar { .. }) {
            self.line.clear();
            push(&mut self.line, format_args!("Epoch {}/{}\n", event.epoch + 1, event.epochs));
            self.write();
        }
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, _control: &mut Control) {
        self.done = event.step + 1;
        let per_step = self.per_step(event.elapsed);
        let Style::Bar { colour } = self.style else { return };
        if self.done == 1 {
            self.first_step = Some(event.elapsed);
        }
        if self.drawn.is_none_or(|t| event.elapsed - t >= INTERVAL) {
            self.draw(event.steps, event.elapsed, per_step, event.logs, false, colour);
        }
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _control: &mut Control) {
        let per_step = self.per_step(event.elapsed);
        match self.style {
            Style::Bar { colour } => {
                self.draw(event.steps, event.elapsed, per_step, event.logs, true, colour);
            }
            Style::Lines => {
                self.line.clear();
                let line = &mut self.line;
                if event.epochs > 1 {
                    push(line, format_args!("Epoch {}/{} - ", event.epoch + 1, event.epochs));
                }
                let digits = digits(event.steps);
                push(
                    line,
                    format_args!(
                        "{:digits$}/{} - {:.0}s - ",
                        self.done, event.steps, event.elapsed
                    ),
                );
                push_per_step(line, per_step);
                push_metrics(line, &mut self.order, event.logs);
                line.push('\n');
                self.write();
            }
        }
    }

    fn on_message(&mut self, message: &Message) {
        self.line.clear();
        let before = if std::mem::take(&mut self.open) { "\n" } else { "" };
        push(&mut self.line, format_args!("{before}{}\n", message.text));
        self.width = 0;
        self.write();
    }

    fn on_resume(&mut self, event: &Resume<'_>, _kept: &Memory) -> Result<(), String> {
        if event.step > 0 {
            self.on_epoch_begin(&event.epoch, &mut Control::new());
            self.done = event.step;
        }
        Ok(())
    }

    fn on_train_end(&mut self, event: &TrainEnd<'_>, _control: &mut Control) {
        if let Some(stop) = event.stopped_by {
            self.line.clear();
            push(&mut self.line, format_args!("{}\n", stop.reason));
            self.write();
        }
    }
}

fn digits(n: usize) -> usize {
    n.checked_ilog10().unwrap_or(0) as usize + 1
}

/// ` - name: value` for every metric: sorted, validation last.
fn push_metrics(line: &mut String, order: &mut Vec<usize>, logs: &Logs) {
    order.clear();
    order.extend(0..logs.len());
    order.sort_unstable_by_key(|&i| {
        let (name, _) = logs.entry(i);
        (name.starts_with("val_"), name)
    });
    for &i in order.iter() {
        let (name, value) = logs.entry(i);
        push(line, format_args!(" - {name}: "));
        push_metric(line, value);
    }
}

/// Seconds as `Ns`, `m:ss` or `h:mm:ss`, rounded down.
fn push_eta(line: &mut String, seconds: f64) {
    let s = seconds as u64;
    if seconds > 3600.0 {
        push(line, format_args!("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60));
    } else if seconds > 60.0 {
        push(line, format_args!("{}:{:02}", s / 60, s % 60));
    } else {
        push(line, format_args!("{s}s"));
    }
}

fn push_per_step(line: &mut String, seconds: f64) {
    if seconds >= 1.0 || seconds == 0.0 {
        push(line, format_args!("{seconds:.0}s/step"));
    } else if seconds >= 1e-3 {
        push(line, format_args!("{:.0}ms/step", seconds * 1e3));
    } else {
        push(line, format_args!("{:.0}us/step", seconds * 1e6));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shown(Arc<Mutex<Vec<u8>>>);

    impl Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_negative_time() {
        let (shown, logs, mut control) = (Shown::default(), Logs::new(), Control::new());
        let mut bar = ProgressBar::new(Box::new(shown.clone()), Style::Bar { colour: false });
        bar.on_epoch_begin(&EpochBegin::default(), &mut control);
        for (step, elapsed) in [(0, 100.0), (1, 3.0), (2, -50.0), (3, f64::NAN)] {
            bar.drawn = None;
            bar.on_batch_end(
                &BatchEnd { step, steps: 9, elapsed, ..BatchEnd::of(&logs) },
                &mut control,
            );
        }
        let text = String::from_utf8(shown.0.lock().unwrap().clone()).unwrap();
        assert!(text.matches("/step").count() == 4 && !text.contains('-'), "{text}");
    }
}
