//! For terminals that show nothing but ASCII: every other character is replaced by one that comes close.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Replaces what is not ASCII.
pub(super) fn downgrade(area: Rect, buffer: &mut Buffer) {
    for position in area.positions() {
        let cell = &mut buffer[position];
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        cell.set_char(symbol.chars().next().map_or(' ', close_to));
    }
}

fn close_to(c: char) -> char {
    match c {
        '─' | '━' | '–' => '-',
        '│' => '|',
        '┌' | '┐' | '└' | '┘' => '+',
        '\u{2800}'..='\u{28ff}' => '*',
        '•' => 'o',
        '◦' => '@',
        '█'..='▏' => '#',
        '×' => 'x',
        '·' => ',',
        '…' => '~',
        _ => '?',
    }
}
