//! The curves of loss and accuracy.

use super::Theme;
use crate::tui::state::{Curves, State};
use crate::tui::text::number;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph, Widget};

/// A point of a curve.
type Point = (f64, f64);

/// One chart below the other.
pub(super) fn render(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let all: Vec<&Curves> = state.loss.iter().chain(&state.accuracy).collect();
    let rows = Layout::vertical(vec![Constraint::Fill(1); all.len()]).split(area);
    let last = all.len().saturating_sub(1);
    for (i, (curves, place)) in all.into_iter().zip(rows.iter()).enumerate() {
        // They share the x axis.
        let epochs = (i == last).then_some(state.epoch + 1);
        chart(curves, (state.epoch + 1) as f64, epochs, theme, *place, buffer);
    }
}

/// A chart of epochs 0 to `end`; `labels` is that number where the x axis is labelled.
fn chart(
    curves: &Curves,
    end: f64,
    labels: Option<usize>,
    theme: Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let frame = theme.frame(legend(curves, theme));
    // The running mean so far belongs to the line.
    let mut training = curves.training.points().to_vec();
    if let Some((x, y)) = curves.now
        && y.is_finite()
        && training.last().is_none_or(|last| last.0 < x)
    {
        training.push((x, y));
    }
    let Some([low, high]) = bounds(curves, &training) else {
        let text = match curves.now {
            Some((_, value)) => format!("{} is {}: nothing to draw", curves.name, number(value)),
            None => "nothing yet".to_owned(),
        };
        Paragraph::new(text).centered().block(frame).render(area, buffer);
        return;
    };
    let (measured, validation) = (curves.measured.points(), curves.validation.points());
    let mut datasets =
        vec![set(curves.steps.points(), Marker::Braille, GraphType::Scatter, theme.dim())];
    let lines = [
        (&training[..], theme.training()),
        (measured, theme.measured()),
        (validation, theme.validation()),
    ];
    // Without colours only the marks tell the curves apart: lines of the others would look like training's.
    let lines = if theme.colour { &lines[..] } else { &lines[..1] };
    datasets.extend(
        lines.iter().map(|(points, style)| set(points, Marker::Braille, GraphType::Line, *style)),
    );
    for (points, mark, style) in
        [(measured, '◦', theme.measured()), (validation, '•', theme.validation())]
    {
        // Many marks would hide the lines.
        if !theme.colour || points.len() < usize::from(area.width) / 4 {
            datasets.push(set(points, Marker::Custom(mark), GraphType::Scatter, style));
        }
    }

    let mut x = Axis::default().bounds([0.0, end]).style(theme.dim());
    if let Some(epochs) = labels {
        x = x.labels(x_labels(epochs, theme));
    }
    let y = Axis::default()
        .bounds([low, high])
        .labels(
            [low, f64::midpoint(low, high), high]
                .map(|value| Line::styled(label(value, high - low), Style::new())),
        )
        .style(theme.dim());
    Chart::new(datasets)
        .block(frame)
        .x_axis(x)
        .y_axis(y)
        .legend_position(None)
        .render(area, buffer);
}

fn set(points: &[Point], marker: Marker, kind: GraphType, style: Style) -> Dataset<'_> {
    let style = Style::new().fg(style.fg.unwrap_or(Color::Reset));
    Dataset::default().data(points).marker(marker).graph_type(kind).style(style)
}

/// What is drawn, in its colour.
fn legend(curves: &Curves, theme: Theme) -> Line<'_> {
    let mut spans = vec![Span::raw(format!(" {} ", curves.name))];
    spans.push(Span::styled("⡐ steps ", theme.dim()));
    spans.push(Span::styled("⠒ training ", theme.training()));
    if !curves.measured.points().is_empty() {
        spans.push(Span::styled("◦ training, measured ", theme.measured()));
    }
    if !curves.validation.points().is_empty() {
        spans.push(Span::styled("• validation ", theme.validation()));
    }
    Line::from(spans)
}

/// 0, and the epoch that runs.
fn x_labels(epoch: usize, theme: Theme) -> Vec<Line<'static>> {
    let middle = if epoch.is_multiple_of(2) { (epoch / 2).to_string() } else { String::new() };
    ["0".to_owned(), middle, format!("epoch {epoch}")]
        .map(|text| Line::styled(text, theme.dim()))
        .to_vec()
}

/// What the y axis must span: everything but the steep first quarter of the steps, which would press the rest flat.
fn bounds(curves: &Curves, training: &[Point]) -> Option<[f64; 2]> {
    let steps = curves.steps.points();
    let settled = if training.len() > 1 { steps.len() / 4 } else { 0 };
    let all = [
        &steps[settled..],
        // The same of the first epoch's running mean, once there are some more.
        &training[training.len() / 8..],
        curves.measured.points(),
        curves.validation.points(),
    ];
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &(_, y) in all.into_iter().flatten() {
        (low, high) = (low.min(y), high.max(y));
    }
    if low > high {
        return None;
    }
    // A flat curve lies in the middle.
    let margin = if high > low { 0.05 * (high - low) } else { 0.05 * high.abs().max(0.1) };
    // A loss is not below 0, nor an accuracy above 1: the axis ends there.
    let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    let ceiling = if curves.name != "loss" && high <= 1.0 { 1.0 } else { f64::INFINITY };
    Some([(low - margin).max(floor), (high + margin).min(ceiling)])
}

/// A number of the y axis, with as many places as tell the labels apart.
fn label(value: f64, span: f64) -> String {
    if value.abs() >= 1e5 || span < 1e-4 {
        return format!("{value:.2e}");
    }
    let places = (1.5 - span.log10()).ceil().clamp(0.0, 5.0) as usize;
    format!("{value:.places$}")
}
