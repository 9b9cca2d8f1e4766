//! Syntax errors: TOML's own, one per mistake, and with the cure where the mistake is a known one.
//!
//! The parser gives up at some mistakes and drags others behind it. So only the first error is believed; its line is blanked
//! and the rest read again, until nothing is wrong. Places do not move, as blanks are as long as what they replace.

use super::diagnostic::{Diagnostic, Diagnostics, Source};
use super::tree::Table;
use super::words::quoted;
use std::ops::Range;
use toml::de::DeTable;

/// Largest file, in bytes: what a parser makes of the worst of them takes 170 times as much.
pub const MAX_BYTES: usize = 256 << 10;

/// Most syntax errors reported.
const MAX_ERRORS: usize = 32;

/// The table of what could be read, and the parts of the text that could not.
pub(super) fn parse(source: &Source, found: &mut Diagnostics) -> (Table, Vec<Range<usize>>) {
    let text = source.text();
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes: the limit is {MAX_BYTES}", text.len());
        let help = "is this the model file? a model.toml has a few hundred lines";
        found.push(Diagnostic::error("M002", message).with_help(help));
        return nothing(text);
    }
    let mut broken = Vec::new();
    let mut readable = text.to_owned();
    for _ in 0..MAX_ERRORS {
        let (table, errors) = DeTable::parse_recoverable(&readable);
        let place = |e: &toml::de::Error| e.span().map_or(0, |span| span.start);
        let Some(first) = errors.iter().min_by_key(|e| place(e)) else {
            return match Table::read(table.get_ref(), 1) {
                Ok(table) => (table, broken),
                Err((message, span)) => {
                    found.push(Diagnostic::error("M002", message).at(span));
                    nothing(text)
                }
            };
        };
        let never_closed = errors.iter().any(|e| {
            e.message().contains("in array") || e.message().starts_with("unclosed array,")
        });
        let span = first.span().unwrap_or(0..0);
        if errors.iter().any(|e| e.message().contains("recurs")) {
            found
                .push(Diagnostic::error("M002", "brackets or dots are nested too deeply").at(span));
            break;
        }
        let (diagnostic, lost) =
            first_mistake(source, &readable, &span, first.message(), never_closed);
        found.push(diagnostic);
        drop(table);
        blank(&mut readable, &lost);
        broken.push(lost);
    }
    nothing(text)
}

/// Nothing could be read.
fn nothing(text: &str) -> (Table, Vec<Range<usize>>) {
    (Table::default(), std::iter::once(0..text.len()).collect())
}

/// What is wrong at `span`, and the lines that it makes unreadable. `readable` is what no earlier mistake has taken.
fn first_mistake(
    source: &Source,
    readable: &str,
    span: &Range<usize>,
    message: &str,
    never_closed: bool,
) -> (Diagnostic, Range<usize>) {
    let text = source.text();
    // A header that is read as an element: the list above it runs on.
    let header = text[source.line(span.start)].trim_start().starts_with('[');
    let about_lists = header
        || message.contains("array elements")
        || message.contains("in array")
        || message.starts_with("unclosed array,");
    if let Some(open) =
        (about_lists && never_closed).then(|| open_bracket(source, readable, span.start)).flatten()
    {
        let line = source.line(open);
        let end = line.start + code_end(&text[line.clone()]);
        let error = Diagnostic::error("M001", "a list is not closed").at(open..end);
        let tall = end == open + 1;
        let help = if tall {
            "add `]` on a line of its own behind the last element".to_owned()
        } else {
            quoted(text[line.start..end].trim(), "") + "]"
        };
        let lost = line.start..list_end(text, &line, tall);
        return (error.with_label("no `]` for this `[`").with_help(help), lost);
    }
    let line = source.line(span.start);
    let code = &text[line.clone()];
    let lost = line.start..if code.trim_start().starts_with('[') {
        header_end(text, &line)
    } else {
        line.end
    };
    (describe(source, span, message, code), lost)
}

/// Replaces all but line breaks by blanks, byte for byte.
fn blank(text: &mut String, lost: &Range<usize>) {
    let blanks: String = text[lost.clone()]
        .bytes()
        .map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { ' ' })
        .collect();
    text.replace_range(lost.clone(), &blanks);
}

/// A broken header takes the keys below it with it.
fn header_end(text: &str, line: &Range<usize>) -> usize {
    text[line.end..].find("\n[").map_or(text.len(), |at| line.end + at)
}

/// The end of a list that is not closed: its line, or, if its elements begin on the next one, all that look like elements.
fn list_end(text: &str, line: &Range<usize>, tall: bool) -> usize {
    if !tall {
        return line.end;
    }
    let mut end = line.end;
    for (index, following) in text[line.end..].split_inclusive('\n').enumerate() {
        if index > 0 && following.starts_with(|c: char| c == '[' || c.is_ascii_alphabetic()) {
            break;
        }
        end += following.len();
    }
    end.min(text.len())
}

/// The `[` of the list in `text` that runs on past its line, at or above `at`.
fn open_bracket(source: &Source, text: &str, at: usize) -> Option<usize> {
    let mut line = source.line(at);
    loop {
        let code = &text[line.start..line.start + code_end(&text[line.clone()])];
        if let Some(equals) = code.find('=') {
            let mut open = Vec::new();
            for (index, c) in code.char_indices().skip_while(|&(index, _)| index < equals) {
                match c {
                    '[' => open.push(index),
                    ']' => drop(open.pop()),
                    _ => {}
                }
            }
            if let Some(first) = open.first() {
                return Some(line.start + first);
            }
        }
        line = source.line(line.start.checked_sub(1)?);
    }
}

/// Bytes of a line before its comment and trailing blanks. A `#` inside quotes is not a comment.
fn code_end(line: &str) -> usize {
    let mut quote = None;
    for (index, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return line[..index].trim_end().len(),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    line.trim_end().len()
}

fn describe(source: &Source, span: &Range<usize>, message: &str, line: &str) -> Diagnostic {
    let line_span = source.line(span.start);
    let span = span.start..span.end.min(line_span.end).max(span.start);
    let bad = source.text()[span.clone()].trim();
    let error = |message: &str| Diagnostic::error("M001", message).at(span.clone());
    if line.trim_start().starts_with("[[") && message.starts_with("unclosed array table") {
        return error("a list header is not closed")
            .with_label("expected `]]`")
            .with_help(quoted(&line[..code_end(line)], "") + "]");
    }
    if let Some(call) = call(line) {
        let what = quoted(&call, "`");
        return error("this is a call, not TOML")
            .with_label(plain(message))
            .with_help(format!("{what} becomes a table of its own: [[layers]], then type = \"{call}\", then one `key = value` a line"));
    }
    if message.starts_with("duplicate key") {
        let repeated = line.trim_start().starts_with('[');
        let help = if repeated {
            "a section stands once; a list such as [[layers]] has two brackets"
        } else {
            "remove one of the two"
        };
        return error(message).with_label("given before").with_help(help);
    }
    if let Some(diagnostic) = bare_value(bad, message, line) {
        return diagnostic.at(span);
    }
    if message.contains("basic string") || message.contains("literal string") {
        return error("a text is not closed, or has a character that must be escaped")
            .with_label(plain(message));
    }
    if (message.starts_with("key with no value") || message.starts_with("invalid unquoted key"))
        && line.contains(':')
        && !line.contains('=')
    {
        return error("a key and its value are joined by `=`")
            .with_label(plain(message))
            .with_help(quoted(line.trim(), "").replacen(':', " =", 1));
    }
    error(&plain(message))
}

/// A value that TOML does not know: Python's words, a tuple, text without quotes, nothing.
fn bare_value(bad: &str, message: &str, line: &str) -> Option<Diagnostic> {
    let error = |message| Diagnostic::error("M001", message);
    match bad {
        "True" | "TRUE" | "False" | "FALSE" => {
            let help = format!("write {}", bad.to_lowercase());
            return Some(error("true and false are written in small letters").with_help(help));
        }
        "None" | "null" | "nil" => {
            return Some(error("TOML has no empty value").with_help("leave the key out"));
        }
        _ if bad.starts_with('(') => {
            let error = error("a list is written in square brackets").with_label("expected `[`");
            return Some(error.with_help("for example [3, 3]"));
        }
        _ => {}
    }
    let unquoted = ["string values must be quoted", "invalid boolean"];
    if !unquoted.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    if bad.is_empty() {
        let error = error("a key without a value").with_label("expected a value");
        return Some(error.with_help("give it a value"));
    }
    let key = line.split_once('=').filter(|_| is_word(bad)).map(|(key, _)| quoted(key.trim(), ""));
    let help =
        key.map_or_else(|| "text stands in quotes".to_owned(), |key| format!("{key} = \"{bad}\""));
    Some(error("text without quotes").with_label("expected quotes").with_help(help))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// The name in `Conv2D(64, …`, `layers.Dense)10`: Python where a table should be.
fn call(line: &str) -> Option<String> {
    let code = &line[..code_end(line)];
    let at = code.find(['(', ')'])?;
    let before = code[..at].rsplit(['=', ' ', '.', '[', ',', '"', '\'']).next()?;
    let named = before.starts_with(|c: char| c.is_ascii_uppercase()) && is_word(before);
    named.then(|| before.to_owned())
}

/// The parser's message with the parser's habits taken out.
fn plain(message: &str) -> String {
    message.replace("unquoted key", "character in a key").replace("`#`", "a comment")
}
