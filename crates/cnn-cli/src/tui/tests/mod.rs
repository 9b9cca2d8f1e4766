//! The screen without a terminal: what it draws, and that training under it is the same training.

mod drawing;
mod training;

use super::state::{About, State};
use super::view::{self, Theme};
use super::{Stage, Wish};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PLAIN: Theme = Theme { colour: false, unicode: true };

/// What happened on a [`Script`].
#[derive(Debug, Default)]
struct Seen {
    open: bool,
    /// What was shown, oldest first.
    screens: Vec<String>,
    /// Seconds at which it was drawn.
    times: Vec<f64>,
}

/// A stage in memory, with a clock that ticks whenever it is looked at, and keys that are pressed by a plan.
struct Script {
    terminal: Terminal<TestBackend>,
    clock: Cell<f64>,
    tick: f64,
    /// One entry for every look at the keys.
    wishes: VecDeque<Option<Wish>>,
    /// Drawing fails from this one on.
    fails_at: usize,
    seen: Arc<Mutex<Seen>>,
}

impl Script {
    fn new(tick: f64, wishes: &[Option<Wish>]) -> (Self, Arc<Mutex<Seen>>) {
        let seen = Arc::<Mutex<Seen>>::default();
        let script = Self {
            terminal: Terminal::new(TestBackend::new(80, 24)).unwrap(),
            clock: Cell::new(0.0),
            tick,
            wishes: wishes.iter().copied().collect(),
            fails_at: usize::MAX,
            seen: Arc::clone(&seen),
        };
        (script, seen)
    }
}

impl Stage for Script {
    fn open(&mut self) -> io::Result<()> {
        self.seen.lock().unwrap().open = true;
        Ok(())
    }

    fn draw(&mut self, state: &State) -> io::Result<()> {
        let mut seen = self.seen.lock().unwrap();
        if seen.screens.len() >= self.fails_at {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let draw = |frame: &mut ratatui::Frame<'_>| {
            view::render(state, PLAIN, frame.area(), frame.buffer_mut());
        };
        self.terminal.draw(draw).unwrap();
        seen.screens.push(self.terminal.backend().to_string());
        seen.times.push(self.clock.get());
        Ok(())
    }

    fn wish(&mut self, wait: Duration) -> io::Result<Option<Wish>> {
        let wish = self.wishes.pop_front().flatten();
        if wish.is_none() {
            self.clock.set(self.clock.get() + wait.as_secs_f64());
        }
        Ok(wish)
    }

    fn now(&self) -> f64 {
        self.clock.set(self.clock.get() + self.tick);
        self.clock.get()
    }

    fn leave(&mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.seen.lock().unwrap().open = false;
    }
}
