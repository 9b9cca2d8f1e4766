//! Accuracy per class, as bars.

use super::Theme;
use crate::tui::state::{Counted, State};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

/// Every class, or the worst ones where there are too many for the window.
pub(super) fn render(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let rows = usize::from(area.height.saturating_sub(2));
    let total = state.counts.len();
    let (shown, title) = if total <= rows {
        ((0..total).collect(), " accuracy by class ".to_owned())
    } else {
        (worst(state, rows), format!(" worst of {total} classes "))
    };
    let of = match state.counted {
        Counted::Training => " training, as it comes ".to_owned(),
        Counted::Measured(epoch) => format!(" training, after epoch {} ", epoch + 1),
        Counted::Validation(epoch) => format!(" validation, epoch {} ", epoch + 1),
    };
    let of = Line::styled(of, theme.counted(state));
    let frame = theme.frame(title).title_bottom(of);
    let inner = frame.inner(area);
    frame.render(area, buffer);
    let longest = shown.iter().map(|&class| columns(name(state, class))).max().unwrap_or(0);
    let width = longest.min(usize::from(inner.width) / 3);
    for (class, row) in shown.into_iter().zip(inner.rows()) {
        bar(state, theme, class, width, row, buffer);
    }
}

/// The classes with the lowest accuracy, the lowest first; those without images last.
fn worst(state: &State, count: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..state.counts.len()).collect();
    let key = |class: usize| state.class_accuracy(class).unwrap_or(2.0);
    classes.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    classes.truncate(count);
    classes
}

fn name(state: &State, class: usize) -> &str {
    state.about.classes.get(class).map_or("?", String::as_str)
}

/// ` name ████████▌    0.84`
fn bar(state: &State, theme: Theme, class: usize, width: usize, row: Rect, buffer: &mut Buffer) {
    let accuracy = state.class_accuracy(class);
    let value = accuracy.map_or("   –".to_owned(), |share| format!("{share:.2}"));
    let label = fit(name(state, class), width);
    let cells = usize::from(row.width).saturating_sub(width + value.chars().count() + 4);
    Line::from_iter([
        Span::raw(format!(" {label} ")),
        Span::styled(blocks(accuracy.unwrap_or(0.0), cells), theme.counted(state)),
        Span::raw(format!(" {value} ")),
    ])
    .render(row, buffer);
}

impl Theme {
    /// The colour of the images that were counted.
    fn counted(self, state: &State) -> Style {
        match state.counted {
            Counted::Training => self.training(),
            Counted::Measured(_) => self.measured(),
            Counted::Validation(_) => self.validation(),
        }
    }
}

/// A share of `cells`, to an eighth, filled up with blanks.
fn blocks(share: f64, cells: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * cells as f64).round() as usize;
    let bar = "█".repeat(eighths / 8) + PARTS[eighths % 8];
    format!("{bar:cells$}")
}

/// Columns that a text takes on screen.
fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// A name in exactly this many columns.
fn fit(name: &str, width: usize) -> String {
    let mut text = String::new();
    if columns(name) <= width {
        text.push_str(name);
    } else {
        for c in name.chars() {
            if columns(&text) + 2 > width {
                break;
            }
            text.push(c);
        }
        text.push('…');
    }
    let pad = width.saturating_sub(columns(&text));
    text + &" ".repeat(pad)
}
