//! The lines at the top: what is trained, how far it is, how it does.

use super::Theme;
use crate::tui::state::{Phase, State};
use crate::tui::text::{number, rate, seconds};
use cnn_nn::summary::commas;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

/// Model and data on the left, what training is doing on the right.
pub(super) fn title(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let about = &state.about;
    let (word, colour) = match state.phase {
        Phase::Training => ("training", Color::Green),
        Phase::Paused => ("paused", Color::Yellow),
        Phase::Stopping => ("stopping", Color::Yellow),
    };
    let word = Line::styled(format!(" {word} "), theme.fg(colour).add_modifier(Modifier::REVERSED));
    let [rest, end] = split_right(area, word.width() as u16);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let parts = [
        format!("· {} ", about.data),
        format!("· {} images ", commas(state.samples as u64)),
        format!("· {} classes ", about.classes.len()),
        format!("· {} parameters ", commas(about.parameters as u64)),
    ];
    let parts = parts.map(|text| vec![Span::raw(text)]);
    let name = vec![Span::styled(format!(" {} ", about.model), bold)];
    as_fits(std::iter::once(name).chain(parts), rest, buffer);
    word.render(end, buffer);
}

/// The first parts, as far as they fit whole; the first one in any case.
fn as_fits<'a>(parts: impl IntoIterator<Item = Vec<Span<'a>>>, area: Rect, buffer: &mut Buffer) {
    let mut line = Line::default();
    for part in parts {
        let width: usize = part.iter().map(Span::width).sum();
        if line.width() > 0 && line.width() + width > usize::from(area.width) {
            break;
        }
        line.spans.extend(part);
    }
    line.render(area, buffer);
}

/// An area of this width at the right, and what is left of it.
fn split_right(area: Rect, width: u16) -> [Rect; 2] {
    let width = width.min(area.width);
    let rest = Rect { width: area.width - width, ..area };
    [rest, Rect { x: rest.right(), width, ..area }]
}

/// Progress, the last numbers, speed and times: three lines.
pub(super) fn numbers(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let [first, second, third] =
        [0, 1, 2].map(|row| Rect { y: area.y + row, height: u16::from(row < area.height), ..area });
    progress(state, theme, first, buffer);
    let mut values = Vec::new();
    for curves in state.loss.iter().chain(&state.accuracy) {
        let now = curves.now.map(|(_, value)| value);
        let kinds = [
            ("", now, theme.training()),
            ("train_", curves.last_measured, theme.measured()),
            ("val_", curves.last_validation, theme.validation()),
        ];
        for (prefix, value, style) in kinds {
            let Some(value) = value else { continue };
            values.push(vec![
                Span::raw(format!(" {prefix}{} ", curves.name)),
                Span::styled(format!("{} ", number(value)), style),
            ]);
        }
    }
    as_fits(values, second, buffer);
    as_fits(speed(state).into_iter().map(|part| vec![Span::raw(part)]), third, buffer);
}

/// Epoch, step and a bar that fills the rest of the line.
fn progress(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let text = format!(
        " epoch {}/{} · step {:>digits$}/{} ",
        state.epoch + 1,
        state.epochs,
        state.step,
        state.steps,
        digits = state.steps.to_string().len()
    );
    let share = state.step as f64 / state.steps.max(1) as f64;
    let percent = format!(" {:3.0} % ", 100.0 * share);
    let cells = usize::from(area.width).saturating_sub(text.chars().count() + percent.len());
    let full = (cells as f64 * share.min(1.0)) as usize;
    // Without colours the empty part is a thin line.
    let empty = if theme.colour { "━" } else { "·" };
    Line::from_iter([
        Span::raw(text),
        Span::styled("━".repeat(full), theme.fg(Color::Green)),
        Span::styled(empty.repeat(cells - full), theme.dim()),
        Span::raw(percent),
    ])
    .alignment(Alignment::Left)
    .render(area, buffer);
}

/// What is left, how fast it goes, and the learning rate; empty before the first step.
fn speed(state: &State) -> Vec<String> {
    let Some((epoch, run)) = state.remaining() else { return Vec::new() };
    let mut parts = vec![if state.epochs > 1 {
        format!(" {} left of epoch, {} of run ", seconds(epoch), seconds(run))
    } else {
        format!(" {} left ", seconds(run))
    }];
    parts.push(format!("· {} images/s ", commas(state.images_per_second as u64)));
    parts.extend(state.learning_rate.map(|x| format!("· learning rate {} ", rate(x))));
    parts
}
