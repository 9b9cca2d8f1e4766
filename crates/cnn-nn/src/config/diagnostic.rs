//! What went wrong in a file, where, and what to do about it. Data only: whoever owns the screen renders it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file works, but probably not as meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One mistake, with its place and its cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code, `M0xx`.
    pub code: &'static str,
    /// What is wrong, in one line, with the numbers.
    pub message: String,
    /// Bytes of [`Source::text`] to underline; `None` where no place is to blame.
    pub span: Option<Range<usize>>,
    /// Short text for the caret; may be empty.
    pub label: String,
    /// Background, one line each.
    pub notes: Vec<String>,
    /// What would work, one line each.
    pub help: Vec<String>,
}

impl Diagnostic {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            severity,
            code,
            message,
            span: None,
            label: String::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// An error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Sets the place; `None` leaves it open.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Range<usize>>>) -> Self {
        self.span = span.into();
        self
    }

    /// Sets the text beside the caret.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a line of background.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a line that says what would work; an empty one is dropped.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        if !help.is_empty() {
            self.help.push(help);
        }
        self
    }
}

/// A file's name and text, shared by everything that points into it. A byte order mark is not part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// A source with the name that messages show.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.strip_prefix('\u{feff}').unwrap_or(text).into() }
    }

    /// The name, as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text that spans count in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The bytes of the line that holds `offset`, without its line break.
    pub(crate) fn line(&self, offset: usize) -> Range<usize> {
        let offset = self.floor(offset);
        let start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |at| offset + at);
        let end = if self.text[start..end].ends_with('\r') { end - 1 } else { end };
        start..end.max(start)
    }

    /// The nearest character boundary at or before `offset`, inside the text.
    fn floor(&self, offset: usize) -> usize {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Everything found in one file, in the order of the text. Displays as plain text with line, column and caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    source: Source,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// An empty list for a file.
    pub fn new(source: Source) -> Self {
        Self { source, list: Vec::new() }
    }

    /// The file that the spans point into.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Adds one, behind all that stand earlier in the file or at the same place.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        let Diagnostic { message, label, notes, help, .. } = &mut diagnostic;
        for text in [message, label].into_iter().chain(notes).chain(help) {
            // A key or value of the file may be quoted in it, with whatever its escapes stand for.
            if text.contains(|c: char| c.is_control() && c != '\n') {
                *text = text.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect();
            }
        }
        let key = |d: &Diagnostic| d.span.as_ref().map_or(usize::MAX, |span| span.start);
        let at = self.list.partition_point(|d| key(d) <= key(&diagnostic));
        self.list.insert(at, diagnostic);
    }

    /// True if something is an error.
    pub fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    /// How many are errors.
    pub fn error_count(&self) -> usize {
        self.list.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// All of them, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, d: &Diagnostic) -> fmt::Result {
        writeln!(f, "{}[{}]: {}", d.severity, d.code, d.message)?;
        let name = self.source.name();
        if let Some(span) = &d.span {
            let (line, column) = self.source.position(span.start);
            let bytes = self.source.line(span.start);
            let shown: String =
                self.source.text()[bytes.clone()].chars().map(visible).take(160).collect();
            let end = span.end.clamp(span.start, bytes.end.max(span.start));
            let width = self.source.text()[self.source.floor(span.start)..self.source.floor(end)]
                .chars()
                .count();
            let (gutter, carets) = (line.to_string().len(), "^".repeat(width.clamp(1, 160)));
            writeln!(f, "{:gutter$}--> {name}:{line}:{column}", "")?;
            writeln!(f, "{:gutter$} |\n{line} | {shown}", "")?;
            let label = if d.label.is_empty() { String::new() } else { format!(" {}", d.label) };
            writeln!(f, "{:gutter$} | {:>column$}{}{label}", "", "^", &carets[1..])?;
        } else {
            writeln!(f, " --> {name}")?;
        }
        for note in &d.notes {
            writeln!(f, "  = note: {note}")?;
        }
        for help in &d.help {
            writeln!(f, "  = help: {help}")?;
        }
        Ok(())
    }
}

/// A control character could steer the terminal; it is shown as a replacement of the same width.
fn visible(c: char) -> char {
    if c.is_control() { if c == '\t' { ' ' } else { '\u{fffd}' } } else { c }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            self.write(f, diagnostic)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, items: I) {
        for item in items {
            self.push(item);
        }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_survive_crlf() {
        let source = Source::new("m.toml", "\u{feff}a = \"größe\" # x\r\nb = 2\r\n");
        assert_eq!(source.position(source.text().find('#').unwrap()), (1, 13));
        assert_eq!(source.position(source.text().find('b').unwrap()), (2, 1));
        assert_eq!(source.position(usize::MAX), (3, 1));
        assert_eq!(&source.text()[source.line(2)], "a = \"größe\" # x");
    }

    #[test]
    fn plain_text_has_a_caret_and_no_escapes() {
        let source = Source::new("m.toml", "x = 1\nnope\u{1b}[31m = 2\n");
        let mut found = Diagnostics::new(source);
        found.push(
            Diagnostic::error("M003", "unknown key")
                .at(6..10)
                .with_label("here")
                .with_help("drop it"),
        );
        found.push(Diagnostic::warning("M050", "odd").at(0..1));
        let text = found.to_string();
        assert!(text.starts_with("warning[M050]: odd\n --> m.toml:1:1\n"), "{text}");
        assert!(
            text.contains(
                " --> m.toml:2:1\n  |\n2 | nope\u{fffd}[31m = 2\n  | ^^^^ here\n  = help: drop it\n"
            ),
            "{text}"
        );
    }
}
