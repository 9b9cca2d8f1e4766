//! The terminal itself: taken over on stderr, given back whatever happens.

use super::state::State;
use super::view::{self, Theme};
use super::{Stage, Wish};
use crate::output::RawStderr;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, BufWriter, IsTerminal as _, Read as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Whether this program has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether keys can be read and the terminal's mode be set.
pub(crate) fn check() -> bool {
    io::stdin().is_terminal() && enable_raw_mode().and_then(|()| disable_raw_mode()).is_ok()
}

/// Gives the terminal back, if it was taken. There is nowhere to complain when that fails.
pub(crate) fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(RawStderr, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// The whole window, on stderr.
pub(super) struct Fullscreen {
    terminal: Option<Terminal<CrosstermBackend<BufWriter<RawStderr>>>>,
    keys: Option<Receiver<Wish>>,
    theme: Theme,
    start: Instant,
}

impl Fullscreen {
    /// Not yet taken.
    pub(super) fn new(theme: Theme) -> Self {
        Self { terminal: None, keys: None, theme, start: Instant::now() }
    }
}

impl Stage for Fullscreen {
    fn open(&mut self) -> io::Result<()> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            // What a panic says would be lost on the other screen.
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(RawStderr, EnterAlternateScreen, cursor::Hide)?;
        let backend = CrosstermBackend::new(BufWriter::new(RawStderr));
        self.terminal = Some(Terminal::new(backend)?);
        let (sender, receiver) = channel();
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&sender))?;
        self.keys = Some(receiver);
        Ok(())
    }

    /// Follows the window's size, which is looked at every time.
    fn draw(&mut self, state: &State) -> io::Result<()> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        let theme = self.theme;
        terminal.draw(|frame| view::render(state, theme, frame.area(), frame.buffer_mut()))?;
        Ok(())
    }

    fn wish(&mut self, wait: Duration) -> io::Result<Option<Wish>> {
        let Some(keys) = &self.keys else { return Ok(None) };
        match keys.recv_timeout(wait) {
            Ok(wish) => Ok(Some(wish)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn leave(&mut self) {
        (self.terminal, self.keys) = (None, None);
        restore();
    }

    fn close(&mut self) {
        self.leave();
    }
}

impl Drop for Fullscreen {
    /// Of a run that ended in an error: the terminal is given back in any case.
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits for keys, in a thread of its own, until the terminal or the screen is gone. Plain reading, not the events of
/// crossterm: those never come back from a terminal that was closed (seen with 0.29.0: its loop takes the end of the input
/// for "try again").
fn read_keys(to: &Sender<Wish>) {
    let mut bytes = [0; 64];
    while let Ok(n) = io::stdin().lock().read(&mut bytes) {
        if n == 0 {
            return;
        }
        for wish in meaning(&bytes[..n]) {
            if to.send(wish).is_err() {
                return;
            }
        }
    }
}

/// What was typed. An escape with more behind it is an arrow or the like, which means nothing here.
fn meaning(bytes: &[u8]) -> Vec<Wish> {
    const ESCAPE: u8 = 0x1b;
    const CTRL_C: u8 = 0x03;
    match bytes {
        [ESCAPE] => vec![Wish::Back],
        [ESCAPE, ..] => Vec::new(),
        _ => bytes
            .iter()
            .filter_map(|byte| match byte {
                b's' | b'S' => Some(Wish::Stop("the key s")),
                b'q' | b'Q' => Some(Wish::Stop("the key q")),
                &CTRL_C => Some(Wish::Stop("Ctrl-C")),
                b'p' | b'P' | b' ' => Some(Wish::Pause),
                b'?' | b'h' | b'H' => Some(Wish::Help),
                _ => None,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_meaning() {
        assert_eq!(meaning(b"s"), [Wish::Stop("the key s")]);
        assert_eq!(meaning(b"Q"), [Wish::Stop("the key q")]);
        assert_eq!(meaning(b"\x03"), [Wish::Stop("Ctrl-C")]);
        assert_eq!(meaning(b"p x?"), [Wish::Pause, Wish::Pause, Wish::Help]);
        assert_eq!(meaning(b"\x1b"), [Wish::Back]);
        // Arrows, F1, a letter outside ASCII, Enter.
        assert!(
            [&b"\x1b[A"[..], b"\x1bOP", "é".as_bytes(), b"\r"].map(meaning).concat().is_empty()
        );
    }
}
