//! The training screen: `cnn train --tui`, in builds with the feature `tui`.
//!
//! [`Screen`] is a callback like any other. It notes what the events say in a [`State`], lets a [`Stage`] draw it at most ten
//! times a second, and turns keys into wishes: it asks to stop through [`Control`], and it waits while the person wants a
//! pause. So the weights are those of a run without a screen. [`Stage`] is what differs between a terminal and a test.

mod series;
mod state;
mod terminal;
mod text;
mod view;

pub(crate) use state::About;
use state::{Phase, State};
use terminal::Fullscreen;
pub(crate) use terminal::{check, restore};
use text::seconds;

use cnn_callbacks::{
    BatchEnd, Callback, Control, EpochBegin, EpochEnd, Memory, Resume, TrainBegin, TrainEnd,
};
use std::io;
use std::time::Duration;
use view::Theme;

/// Seconds between two drawings, at least.
const DRAW: f64 = 0.1;
/// Seconds between two looks at the keys, at least.
const LOOK: f64 = 0.05;

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Stop and save; how it was said.
    Stop(&'static str),
    /// Pause, or go on.
    Pause,
    /// Show or hide the help.
    Help,
    /// Hide it.
    Back,
}

/// Where the screen is shown and the keys come from.
trait Stage: Send {
    /// Takes the terminal over.
    fn open(&mut self) -> io::Result<()>;
    /// Shows the state.
    fn draw(&mut self, state: &State) -> io::Result<()>;
    /// The next wish; waits for one at most this long.
    fn wish(&mut self, wait: Duration) -> io::Result<Option<Wish>>;
    /// Seconds on a clock that only goes forward.
    fn now(&self) -> f64;
    /// Gives the terminal back, before training has ended. Harmless where it was not taken.
    fn leave(&mut self);
    /// Gives the terminal back: training has ended.
    fn close(&mut self);
}

/// The callback that shows training on a [`Stage`].
struct Screen<S> {
    state: State,
    stage: S,
    /// When it was last drawn, and when the keys were last looked at.
    drawn: f64,
    looked: f64,
    /// Whether the stage is there: one that fails is left, and training goes on without it.
    open: bool,
}

/// The screen on this terminal.
pub(crate) fn screen(about: About, colour: bool, unicode: bool) -> Box<dyn Callback> {
    Box::new(Screen::new(about, Fullscreen::new(Theme { colour, unicode })))
}

impl<S: Stage> Screen<S> {
    fn new(about: About, stage: S) -> Self {
        let never = f64::NEG_INFINITY;
        Self { state: State::new(about), stage, drawn: never, looked: never, open: false }
    }

    /// Draws if the last time is long enough ago, or `now`.
    fn draw(&mut self, now: bool) {
        let time = self.stage.now();
        if self.open && (now || time - self.drawn >= DRAW) {
            self.drawn = time;
            if self.stage.draw(&self.state).is_err() {
                self.leave();
            }
        }
    }

    /// Does what the person wants, if anything.
    fn look(&mut self, control: &mut Control) {
        let time = self.stage.now();
        if time - self.looked < LOOK {
            return;
        }
        self.looked = time;
        while let Some(wish) = self.wish(Duration::ZERO) {
            self.follow(wish, control);
        }
        if self.state.phase == Phase::Paused {
            self.pause(control);
        }
    }

    fn wish(&mut self, wait: Duration) -> Option<Wish> {
        self.stage.wish(wait).unwrap_or_else(|_| {
            self.leave();
            None
        })
    }

    fn follow(&mut self, wish: Wish, control: &mut Control) {
        let state = &mut self.state;
        match wish {
            Wish::Stop(how) if state.phase != Phase::Stopping => {
                state.phase = Phase::Stopping;
                let reason = format!(
                    "Stopped by {how} in epoch {}/{}, after step {}/{}",
                    state.epoch + 1,
                    state.epochs,
                    state.step,
                    state.steps
                );
                state.note(format!("{reason}: testing and saving"));
                control.stop(NAME, reason);
            }
            Wish::Pause if state.phase == Phase::Training => state.phase = Phase::Paused,
            Wish::Pause if state.phase == Phase::Paused => state.phase = Phase::Training,
            Wish::Help => state.help = !state.help,
            Wish::Back => state.help = false,
            Wish::Stop(_) | Wish::Pause => {}
        }
        self.draw(true);
    }

    /// Holds training up until the person wants it to go on.
    fn pause(&mut self, control: &mut Control) {
        let begin = self.stage.now();
        while self.state.phase == Phase::Paused && self.open {
            if let Some(wish) = self.wish(Duration::from_millis(200)) {
                self.follow(wish, control);
            }
            // The window may have another size.
            self.draw(false);
        }
        let waited = self.stage.now() - begin;
        control.waited(waited);
        if self.state.phase == Phase::Paused {
            self.state.phase = Phase::Training;
        }
        self.state.note(format!("paused for {}", seconds(waited)));
    }

    /// A terminal that is gone does not end training.
    fn leave(&mut self) {
        self.open = false;
        self.stage.leave();
    }
}

/// What `stopped_by` says in history.json.
const NAME: &str = "tui";

impl<S: Stage> Callback for Screen<S> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_train_begin(&mut self, event: &TrainBegin<'_>, _control: &mut Control) {
        self.state.train_begin(event);
        self.open = self.stage.open().is_ok();
        if !self.open {
            self.stage.leave();
        }
        self.draw(true);
    }

    fn on_resume(&mut self, event: &Resume<'_>, _kept: &Memory) -> Result<(), String> {
        if !self.open {
            self.on_train_begin(&event.begin, &mut Control::new());
        }
        self.state.epoch_begin(&event.epoch);
        Ok(())
    }

    fn on_epoch_begin(&mut self, event: &EpochBegin, control: &mut Control) {
        self.state.epoch_begin(event);
        self.state.wishes(control);
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        self.state.batch_end(event);
        self.state.wishes(control);
        self.look(control);
        self.draw(false);
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        self.state.epoch_end(event);
        self.state.wishes(control);
        self.look(control);
        self.draw(false);
    }

    fn on_train_end(&mut self, _event: &TrainEnd<'_>, _control: &mut Control) {
        self.open = false;
        self.stage.close();
    }
}

#[cfg(test)]
mod tests;
