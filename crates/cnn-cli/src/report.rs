//! Mistakes as people read them: the line, a caret, what was expected and what would work.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use cnn_nn::config::{Diagnostic, Diagnostics, Severity};

/// Lines of a file's text longer than this are not quoted whole.
const LINE_LIMIT: usize = 160;

/// All of a file's mistakes, one after the other; nothing if there is none. Colours are stripped later where nobody wants them.
pub(crate) fn diagnostics(found: &Diagnostics) -> String {
    let source = found.source();
    let reports: Vec<String> =
        found.iter().map(|one| render(source.name(), source.text(), one)).collect();
    if reports.is_empty() { String::new() } else { reports.join("\n\n") + "\n" }
}

fn render(name: &str, text: &str, one: &Diagnostic) -> String {
    let level = match one.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group: Group<'_> =
        Group::with_title(level.primary_title(one.message.as_str()).id(one.code));
    let shown = one.span.clone().map(|span| quotable(text, span));
    match shown {
        Some((line, first, span)) => {
            let label = (!one.label.is_empty()).then_some(one.label.as_str());
            let mark = AnnotationKind::Primary.span(span).label(label);
            group =
                group.element(Snippet::source(line).line_start(first).path(name).annotation(mark));
        }
        None => group = group.element(Origin::path(name)),
    }
    for note in &one.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    for help in &one.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}

/// The lines that a span touches, the number of the first, and the span within them. A long line is cut around the span, and
/// a span over several lines ends with its first.
fn quotable(text: &str, span: std::ops::Range<usize>) -> (&str, usize, std::ops::Range<usize>) {
    let start = floor(text, span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find(['\r', '\n']).map_or(text.len(), |at| start + at);
    let number = text[..line_start].matches('\n').count() + 1;
    let end = floor(text, span.end.clamp(start, line_end));
    let from = if start - line_start > LINE_LIMIT {
        floor(text, start - LINE_LIMIT / 2)
    } else {
        line_start
    };
    let to = floor(text, line_end.min(from + 2 * LINE_LIMIT));
    (&text[from..to], number, start - from..end.min(to).max(start) - from)
}

/// The nearest boundary of a character at or before `at`, inside the text.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// An error without a text to point into: what, where, expected and found, help. Empty lines are left out.
pub(crate) fn plain(code: &str, what: &str, place: &str, facts: &[&str], help: &[&str]) -> String {
    use std::fmt::Write as _;
    let mut text = if code.is_empty() {
        format!("error: {what}\n")
    } else {
        format!("error[{code}]: {what}\n")
    };
    if !place.is_empty() {
        let _ = writeln!(text, "  --> {place}");
    }
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        let _ = writeln!(text, "  {fact}");
    }
    for line in help.iter().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "  help: {line}");
    }
    // The name of a file or a class may be anything: a control character in it could steer the terminal.
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn_nn::config::Source;

    #[test]
    fn any_span_in_any_text_can_be_shown() {
        let texts = ["", "a", "größe = 1\nb = \"\u{1F600}\"\r\n\n", "x\n\n\n", "\t= 1"];
        for text in texts {
            for start in 0..text.len() + 2 {
                for end in 0..text.len() + 2 {
                    let mut found = Diagnostics::new(Source::new("m.toml", text));
                    found.push(Diagnostic::error("M001", "odd").at(start..end).with_label("here"));
                    assert!(diagnostics(&found).contains("odd"));
                }
            }
        }
    }

    #[test]
    fn no_name_steers_the_terminal() {
        let text = plain("D001", "no", "\u{1b}]0;evil\u{7}.png", &["\u{9b}2J"], &["\rwhat"]);
        assert!(text.contains("evil") && text.lines().count() == 4, "{text:?}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }

    #[test]
    fn a_long_line_is_cut_around_its_mistake() {
        let text = format!("{}nope{}", "x".repeat(5000), "y".repeat(5000));
        let (line, number, span) = quotable(&text, 5000..5004);
        assert_eq!((number, &line[span]), (1, "nope"));
        assert!(line.len() <= 2 * LINE_LIMIT);
    }
}
