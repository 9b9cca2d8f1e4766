//! Syntax errors: TOML's own, one per mistake, and with the cure where the mistake is a known one.

use super::diagnostic::{Diagnostic, Diagnostics, Source};
use super::words::quoted;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting of tables and lists.
pub const MAX_DEPTH: usize = 32;

/// Longest key, in bytes.
const MAX_KEY: usize = 128;

/// The table of what could be parsed, and the parts of the text that are not to be trusted.
pub(super) fn parse<'a>(
    source: &Source,
    text: &'a str,
    found: &mut Diagnostics,
) -> (DeTable<'a>, Vec<Range<usize>>) {
    let all = vec![0..text.len()];
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes: the limit is {MAX_BYTES}", text.len());
        found.push(
            Diagnostic::error("M002", message)
                .with_help("is this the model file? a model.toml has a few hundred lines"),
        );
        return (DeTable::new(), all);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let table = table.into_inner();
    if let Some((message, span)) = over_limit(&table, 1) {
        found.push(Diagnostic::error("M002", message).at(span));
        return (DeTable::new(), all);
    }
    let mut errors: Vec<_> =
        errors.iter().map(|e| (e.span().unwrap_or(0..0), e.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    let broken = report(source, &errors, found);
    (table, broken)
}

fn over_limit(table: &DeTable<'_>, depth: usize) -> Option<(String, Range<usize>)> {
    table.iter().find_map(|(key, value)| {
        if key.get_ref().len() > MAX_KEY {
            return Some((
                format!("a key of {} bytes: the limit is {MAX_KEY}", key.get_ref().len()),
                key.span(),
            ));
        }
        too_deep(value.get_ref(), value.span(), depth)
    })
}

fn too_deep(
    value: &DeValue<'_>,
    span: Range<usize>,
    depth: usize,
) -> Option<(String, Range<usize>)> {
    match value {
        _ if depth > MAX_DEPTH => Some((format!("nested more than {MAX_DEPTH} levels deep"), span)),
        DeValue::Array(array) => {
            array.iter().find_map(|e| too_deep(e.get_ref(), e.span(), depth + 1))
        }
        DeValue::Table(table) => table.iter().find_map(|(key, e)| {
            if key.get_ref().len() > MAX_KEY {
                return Some((
                    format!("a key of {} bytes: the limit is {MAX_KEY}", key.get_ref().len()),
                    key.span(),
                ));
            }
            too_deep(e.get_ref(), e.span(), depth + 1)
        }),
        _ => None,
    }
}

/// One diagnostic for each line with errors; what follows an unclosed bracket is not reported.
fn report(
    source: &Source,
    errors: &[(Range<usize>, &str)],
    found: &mut Diagnostics,
) -> Vec<Range<usize>> {
    let text = source.text();
    let mut broken: Vec<Range<usize>> = Vec::new();
    for (span, message) in errors {
        if broken.iter().any(|range| range.contains(&span.start) || range.end == span.start) {
            continue;
        }
        if message.contains("cannot recurse") {
            found
                .push(Diagnostic::error("M002", "brackets are nested too deeply").at(span.clone()));
            broken.push(span.start..text.len());
            continue;
        }
        if let Some(open) = unclosed_list(source, span.start, message, errors) {
            let line = source.line(open);
            let code = code_end(&text[line.clone()]);
            let error =
                Diagnostic::error("M001", "a list is not closed").at(open..line.start + code);
            found.push(
                error
                    .with_label("no `]` for this `[`")
                    .with_help(format!("{}]", text[line.start..line.start + code].trim())),
            );
            broken.push(line.start..text.len());
            continue;
        }
        let line = source.line(span.start);
        found.push(describe(source, span, message, &text[line.clone()]));
        broken.push(line.start..broken_end(text, &line));
    }
    broken
}

/// A broken header takes the keys below it with it.
fn broken_end(text: &str, line: &Range<usize>) -> usize {
    if !text[line.clone()].trim_start().starts_with('[') {
        return line.end;
    }
    text[line.end..].match_indices("\n[").next().map_or(text.len(), |(at, _)| line.end + at)
}

/// The `[` that an error about a list's elements comes from, if the list runs on past its line.
fn unclosed_list(
    source: &Source,
    at: usize,
    message: &str,
    errors: &[(Range<usize>, &str)],
) -> Option<usize> {
    let about_lists = message.contains("array elements")
        || message.contains("in array")
        || message == "unclosed array, expected `]`";
    let never_closed =
        errors.iter().any(|(_, m)| m.contains("in array") || m.starts_with("unclosed array,"));
    if !(about_lists && never_closed) {
        return None;
    }
    let text = source.text();
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
            .with_help(format!("{}]", &line[..code_end(line)]));
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
    match bad {
        "True" | "TRUE" | "False" | "FALSE" => {
            return error("true and false are written in small letters")
                .with_help(format!("write {}", bad.to_lowercase()));
        }
        "None" | "null" | "nil" => {
            return error("TOML has no empty value").with_help("leave the key out");
        }
        _ if bad.starts_with('(') => {
            return error("a list is written in square brackets")
                .with_label("expected `[`")
                .with_help("for example [3, 3]");
        }
        _ => {}
    }
    if message.starts_with("string values must be quoted") || message.starts_with("invalid boolean")
    {
        let help = if bad.is_empty() { "give it a value" } else { "text stands in quotes" };
        let help = line
            .split_once('=')
            .filter(|_| is_word(bad))
            .map_or_else(|| help.to_owned(), |(key, _)| format!("{} = \"{bad}\"", key.trim()));
        let what = if bad.is_empty() { "a key without a value" } else { "text without quotes" };
        return error(what)
            .with_label(if bad.is_empty() { "expected a value" } else { "expected quotes" })
            .with_help(help);
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
            .with_help(line.trim().replacen(':', " =", 1));
    }
    error(&plain(message))
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
