//! Draws [`State`] into a buffer: a pure function of the state, the size and what the terminal can show.
//!
//! ```text
//! title                               what is trained on what
//! status                              progress, numbers, times
//! loss            | accuracy per class
//! accuracy        |
//! notes
//! keys
//! ```

mod ascii;
mod charts;
mod classes;
mod status;

use super::state::State;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

/// The smallest window that shows everything: columns and rows.
pub(crate) const SMALLEST: (u16, u16) = (60, 20);

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Colours.
    pub(crate) colour: bool,
    /// Characters beyond ASCII.
    pub(crate) unicode: bool,
}

impl Theme {
    /// A colour of the foreground, or none.
    fn fg(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// Less important.
    fn dim(self) -> Style {
        self.fg(Color::DarkGray)
    }

    /// Training images.
    fn training(self) -> Style {
        self.fg(Color::Cyan)
    }

    /// Training images, measured after the epoch.
    fn measured(self) -> Style {
        self.fg(Color::Green)
    }

    /// Validation images.
    fn validation(self) -> Style {
        self.fg(Color::Yellow)
    }

    /// A frame with this title.
    fn frame<'a>(self, title: impl Into<Line<'a>>) -> Block<'a> {
        Block::bordered().border_style(self.dim()).title(title)
    }
}

/// The whole screen.
pub(crate) fn render(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(state, area, buffer);
    } else {
        everything(state, theme, area, buffer);
    }
    if !theme.unicode {
        ascii::downgrade(area, buffer);
    }
}

fn everything(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let notes = match area.height {
        30.. => 8,
        22.. => 4,
        _ => 3,
    };
    let [title, status, middle, below, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Min(8),
        Constraint::Length(notes),
        Constraint::Length(1),
    ])
    .areas(area);
    status::title(state, theme, title, buffer);
    status::numbers(state, theme, status, buffer);
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(62), Constraint::Fill(1)]).areas(middle);
    charts::render(state, theme, left, buffer);
    classes::render(state, theme, right, buffer);
    notes_block(state, theme, below, buffer);
    key_line(theme, keys, buffer);
    if state.help {
        help(theme, area, buffer);
    }
}

/// The newest notes, the newest last.
fn notes_block(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let frame = theme.frame(" notes ");
    let rows = usize::from(frame.inner(area).height);
    let first = state.notes.len().saturating_sub(rows);
    let lines: Vec<Line<'_>> =
        state.notes.iter().skip(first).map(|note| Line::raw(note.as_str())).collect();
    Paragraph::new(lines).block(frame).render(area, buffer);
}

fn key_line(theme: Theme, area: Rect, buffer: &mut Buffer) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let keys = [("s", "stop and save"), ("p", "pause, go on"), ("?", "help"), ("q", "as s")];
    let line: Line<'_> = keys
        .iter()
        .flat_map(|(key, does)| {
            [Span::styled(format!(" {key}"), bold), Span::styled(format!(" {does}  "), theme.dim())]
        })
        .collect();
    line.render(area, buffer);
}

const HELP: &[&str] = &[
    "s, q, Ctrl-C  stop after this step: the run is tested and saved",
    "p, space      pause, and go on; the pause counts in no time",
    "?, Esc        this page",
    "",
    "Curves count epochs from the left. Scattered: every step by",
    "itself. Line: training, the mean of an epoch while the weights",
    "change. Dots: validation, after an epoch (Keras's val_...).",
    "Rings: training images measured the same way (--eval-train).",
    "Long runs show means of neighbouring values.",
    "",
    "Accuracy per class is of the validation images of the last",
    "epoch where there are any; the title of its frame says.",
];

fn help(theme: Theme, area: Rect, buffer: &mut Buffer) {
    let width = HELP.iter().map(|line| line.len()).max().unwrap_or(0) as u16 + 4;
    let place = area.centered(Constraint::Length(width), Constraint::Length(HELP.len() as u16 + 2));
    Clear.render(place, buffer);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::raw(format!(" {line}"))).collect();
    Paragraph::new(lines).block(theme.frame(" help ")).render(place, buffer);
}

/// What can be said in a window that is too small.
fn too_small(state: &State, area: Rect, buffer: &mut Buffer) {
    let (columns, rows) = SMALLEST;
    let lines = [
        format!("The window has {} x {} characters;", area.width, area.height),
        format!("the screen needs {columns} x {rows}."),
        "Training goes on:".to_owned(),
        format!("epoch {}/{}, step {}/{}.", state.epoch + 1, state.epochs, state.step, state.steps),
        "s stops and saves.".to_owned(),
    ];
    let rows = (lines.len() as u16).min(area.height);
    let place = area.centered_vertically(Constraint::Length(rows));
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::raw).collect();
    Paragraph::new(lines).centered().render(place, buffer);
}
