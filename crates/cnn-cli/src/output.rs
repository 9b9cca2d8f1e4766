//! The two streams: results on stdout, everything else on stderr. The only place that writes to them.

use crate::environment;
use crate::failure::Failure;
use anstream::ColorChoice;
use cnn_viz::terminal::Ink;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Writes a result to stdout. Whoever closes the pipe early (`| head`) has seen enough: that is success.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::disk(Path::new("<stdout>"), &error))
        }
        _ => Ok(()),
    }
}

/// Writes progress or a diagnostic to stderr. There is nowhere to complain when that fails.
pub(crate) fn note(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}

/// Whether a person is watching stderr.
pub(crate) fn stderr_is_terminal() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !dumb
}

/// Stderr for the training screen: control codes pass as they are. It never fails, as [`Progress`].
#[cfg(feature = "tui")]
#[derive(Debug)]
pub(crate) struct RawStderr;

#[cfg(feature = "tui")]
impl Write for RawStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

/// Whether to colour what goes to stderr: `--color`, else `NO_COLOR` and the like.
#[cfg(feature = "tui")]
pub(crate) fn stderr_colours() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// How pictures are drawn on stdout: in the colours that the terminal has, or in plain characters where colours are not wanted
/// or would be taken out.
pub(crate) fn stdout_ink() -> Ink {
    if anstream::AutoStream::choice(&io::stdout()) == ColorChoice::Never {
        return Ink::Ascii;
    }
    match environment::terminal_ink() {
        // Asked for with --color always, on a terminal that does not say what it has.
        Ink::Ascii if ColorChoice::global() == ColorChoice::Always => Ink::Indexed,
        ink => ink,
    }
}

/// The terminal's width for results: 80 columns where stdout is no terminal, as Keras has it.
pub(crate) fn stdout_width() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| usize::from(width.0))
}

/// Stderr as the progress bar wants it: it never fails, so that a closed terminal does not end training.
#[derive(Debug)]
pub(crate) struct Progress;

impl Write for Progress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = anstream::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = anstream::stderr().flush();
        Ok(())
    }
}
