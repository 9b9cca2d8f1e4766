//! Wrapping and cutting of text as Python's `rich` does it, so that narrow summaries equal Keras's too.
//!
//! Source: Textualize/rich, `_wrap.py` (`divide_line`), `text.py` (`truncate`, `rstrip_end`), `cells.py`.

use unicode_width::UnicodeWidthChar;

/// Terminal cells that a character takes: 0, 1 or 2.
fn cells_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Terminal cells that a text takes.
pub(super) fn cells(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

/// What happens to a word longer than the line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Overflow {
    /// Cut, with `…`.
    Ellipsis,
    /// Continued on the next line.
    Fold,
}

/// The lines of `text` in `width` cells. Blanks at a break stay at the end of the line where they fit.
pub(super) fn wrap(text: &str, width: usize, overflow: Overflow) -> Vec<String> {
    let mut breaks = divide(text, width, overflow == Overflow::Fold);
    breaks.push(text.len());
    let mut lines = Vec::new();
    let mut start = 0;
    for end in breaks {
        lines.push(strip_end(&text[start..end], width));
        start = end;
    }
    if overflow == Overflow::Ellipsis {
        for line in lines.iter_mut().filter(|line| cells(line) > width) {
            *line = cut(line, width - 1) + "…";
        }
    }
    lines
}

/// Byte offsets at which lines begin, the first aside.
fn divide(text: &str, width: usize, fold: bool) -> Vec<usize> {
    let mut breaks = Vec::new();
    let mut used = 0;
    let mut start = 0;
    while let Some(word) = word(&text[start..]) {
        let length = cells(word.trim_end());
        if width.saturating_sub(used) >= length {
            used += cells(word);
        } else if length > width && fold {
            let mut at = start;
            let pieces = chop(word, width);
            for (index, piece) in pieces.iter().enumerate() {
                if at > 0 {
                    breaks.push(at);
                }
                if index + 1 == pieces.len() {
                    used = cells(piece);
                } else {
                    at += piece.len();
                }
            }
        } else if start > 0 && (length > width || used > 0) {
            breaks.push(start);
            used = cells(word);
        } else if length > width {
            used = cells(word);
        }
        start += word.len();
    }
    breaks
}

/// The first word with the blanks around it.
fn word(text: &str) -> Option<&str> {
    let letters = text.find(|c: char| !c.is_whitespace())?;
    let blank = text[letters..].find(char::is_whitespace).map_or(text.len(), |at| letters + at);
    let next = text[blank..].find(|c: char| !c.is_whitespace()).map_or(text.len(), |at| blank + at);
    Some(&text[..next])
}

/// Pieces of at most `width` cells.
fn chop(word: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in word.char_indices() {
        if used + cells_of(c) > width && at > start {
            pieces.push(&word[start..at]);
            (start, used) = (at, 0);
        }
        used += cells_of(c);
    }
    pieces.push(&word[start..]);
    pieces
}

/// Takes blanks off the end while there are more characters than cells.
fn strip_end(line: &str, width: usize) -> String {
    let excess = line.chars().count().saturating_sub(width);
    let blanks = line.chars().rev().take_while(|c| c.is_whitespace()).count();
    let keep = line.chars().count() - excess.min(blanks);
    line.chars().take(keep).collect()
}

/// The first `width` cells; half of a double-width character becomes a blank.
fn cut(text: &str, width: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        if used + cells_of(c) > width {
            kept.extend(std::iter::repeat_n(' ', width - used));
            break;
        }
        used += cells_of(c);
        kept.push(c);
    }
    kept
}

/// A cell's lines, padded to the width.
pub(super) fn cell(text: &str, width: usize, right: bool) -> Vec<String> {
    let pad = |line: String| {
        let line = if right { line.trim_end().to_owned() } else { line };
        let blank = " ".repeat(width.saturating_sub(cells(&line)));
        if right { blank + &line } else { line + &blank }
    };
    wrap(text, width, Overflow::Ellipsis).into_iter().map(pad).collect()
}
