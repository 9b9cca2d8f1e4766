//! Signals that ask the program to end. During training the first one is a wish to end after this step, with all that is needed
//! to go on in a checkpoint; the next one, and any at another time, ends the program at once, and a terminal that was taken over
//! is given back before that.
//!
//! A terminal that is closed says so more than once (SIGHUP from the kernel and from the shell): that counts as one.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The signal that ended training; 0 for none.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// Whether a signal is a wish.
static TRAINING: AtomicBool = AtomicBool::new(false);

/// Set by that signal: what training looks at after every step.
pub(crate) static INTERRUPT: AtomicBool = AtomicBool::new(false);

/// The signal that ended training, if one did.
pub(crate) fn caught() -> Option<i32> {
    Some(CAUGHT.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

/// From now on signals end the program at once again.
pub(crate) fn let_through() {
    TRAINING.store(false, Ordering::SeqCst);
}

/// Gives a terminal back that was taken over.
#[cfg(unix)]
fn restore() {
    #[cfg(feature = "tui")]
    crate::tui::restore();
}

#[cfg(unix)]
mod unix {
    use super::{CAUGHT, INTERRUPT, TRAINING, caught, restore};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;
    use std::io;
    use std::sync::Mutex;
    use std::sync::PoisonError;
    use std::sync::atomic::Ordering;

    /// From now on the first signal is a wish.
    pub(crate) fn watch() -> io::Result<()> {
        static WATCHER: Mutex<bool> = Mutex::new(false);
        let mut started = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
        if !*started {
            let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
            let watcher = std::thread::Builder::new().name("signals".to_owned());
            watcher.spawn(move || signals.forever().for_each(follow))?;
            *started = true;
        }
        TRAINING.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn follow(signal: i32) {
        if caught() == Some(SIGHUP) && signal == SIGHUP {
            return;
        }
        if caught().is_none() && TRAINING.load(Ordering::SeqCst) {
            CAUGHT.store(signal, Ordering::SeqCst);
            INTERRUPT.store(true, Ordering::SeqCst);
            return;
        }
        restore();
        // Ends the program for these three.
        let _ = emulate_default_handler(signal);
    }

    pub(crate) fn name(signal: i32) -> &'static str {
        match signal {
            SIGINT => "SIGINT",
            SIGHUP => "SIGHUP",
            _ => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
mod unix {
    //! There are none; Ctrl-C comes as a key.

    pub(crate) fn watch() -> std::io::Result<()> {
        super::TRAINING.store(true, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn name(_signal: i32) -> &'static str {
        "a signal"
    }
}

pub(crate) use unix::{name, watch};
