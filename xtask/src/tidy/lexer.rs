//! Tells a Rust file's code from its comments and literals, so that a rule about code is not tripped by prose.

/// A source file, taken apart. Both texts have the lines of the original, so positions can be reported.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The code; comments and the inside of literals are blank.
    pub(crate) code: String,
    /// The comments; everything else is blank.
    pub(crate) comments: String,
}

/// What the text at hand belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Splits a source text.
pub(crate) fn split(source: &str) -> Parts {
    let mut parts = Parts::default();
    let mut rest = source;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let (kind, length) = token(rest, first, before);
        let (token, tail) = rest.split_at(length);
        for c in token.chars() {
            let blank = if c == '\n' { '\n' } else { ' ' };
            parts.code.push(if kind == Kind::Code { c } else { blank });
            parts.comments.push(if kind == Kind::Comment { c } else { blank });
        }
        before = token.chars().next_back().unwrap_or(' ');
        rest = tail;
    }
    parts
}

/// Kind and length in bytes of what `rest` begins with.
fn token(rest: &str, first: char, before: char) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if first == '"' {
        return (Kind::Literal, string(rest));
    }
    let in_word = before.is_alphanumeric() || before == '_';
    if !in_word && let Some(length) = raw_string(rest) {
        return (Kind::Literal, length);
    }
    if first == '\''
        && let Some(length) = character(rest)
    {
        return (Kind::Literal, length);
    }
    (Kind::Code, first.len_utf8())
}

/// Length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Length of a string literal with escapes.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a raw string literal (`r"…"`, `br#"…"#`), if there is one.
fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let open = rest.len() - body.len() + hashes;
    if !rest[open..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest[open + 1..].find(&close).map_or(rest.len(), |at| open + 1 + at + close.len());
    Some(end)
}

/// Length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        return chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn comments_and_literals_leave_the_code() {
        let source = "let a = \"unsafe // \\\" x\"; // todo unsafe\nlet r = r#\"unsafe \"# ; /* a /* b */ c */ fn f<'a>(c: char) { c == '\"' || c == '\\'' }";
        let parts = split(source);
        assert!(!parts.code.contains("unsafe"), "{}", parts.code);
        assert!(parts.comments.contains("todo unsafe"));
        assert!(parts.comments.contains("a /* b */ c"));
        assert!(parts.code.contains("fn f<'a>(c: char)"));
        assert!(parts.code.ends_with('}'), "{}", parts.code);
        assert_eq!(parts.code.lines().count(), source.lines().count());
    }
}
