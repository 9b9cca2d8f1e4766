//! What a download says on stderr: one line that moves on a terminal, a line for each thing that happens elsewhere.

use crate::output;
use cnn_data::download::{Event, PublishedFile};
use std::time::{Duration, Instant};

/// Between two looks of the moving line.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells what happens.
#[derive(Debug)]
pub(super) struct Teller {
    moving: bool,
    open: bool,
    last: Option<Instant>,
    began: Option<(Instant, u64)>,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { moving: output::stderr_is_terminal(), open: false, last: None, began: None }
    }

    /// Ends a moving line, if there is one.
    pub(super) fn end_line(&mut self) {
        if self.open {
            output::note("\n");
        }
        self.open = false;
    }

    fn line(&mut self, text: &str) {
        self.end_line();
        output::note(&format!("{text}\n"));
    }

    pub(super) fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Wait { file } => {
                self.line(&format!("{}: another process is getting it; waiting for it", file.name));
            }
            Event::Ask { url, .. } => {
                (self.last, self.began) = (None, None);
                self.line(&format!("asking {url}"));
            }
            Event::Resume { file, from } => {
                self.line(&format!("{}: going on after {from} bytes", file.name));
            }
            Event::Restart { file, why } => {
                self.line(&format!("{}: from the beginning: {why}", file.name));
            }
            Event::Failed { attempt, .. } => {
                self.line(&format!("  [{}] {}", attempt.problem.code(), attempt.problem));
            }
            Event::Progress { file, done } => self.progress(file, *done),
            Event::Done { .. } => self.end_line(),
        }
    }

    /// The moving line: share, bytes, speed.
    fn progress(&mut self, file: &PublishedFile, done: u64) {
        let now = Instant::now();
        let (since, before) = *self.began.get_or_insert((now, done));
        let soon = self.last.is_some_and(|last| now.duration_since(last) < PAUSE);
        if !self.moving || (soon && done < file.size) {
            return;
        }
        self.last = Some(now);
        self.open = true;
        let mega = |bytes: u64| bytes as f64 / 1e6;
        let seconds = now.duration_since(since).as_secs_f64().max(0.001);
        let text = format!(
            "\r  {:3} %  {:.1} of {:.1} MB  {:.1} MB/s   ",
            done * 100 / file.size.max(1),
            mega(done),
            mega(file.size),
            mega(done.saturating_sub(before)) / seconds
        );
        output::note(&text);
    }
}
