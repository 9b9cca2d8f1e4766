//! A [`Fault`] put into words: what, where, what would work.

use super::diagnostic::{Diagnostic, Source};
use super::fault::{Fault, Hint, Kind, Step};
use super::suggest::{listing, nearest};
use std::ops::Range;

/// Where a table stands, for messages and carets.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// "layer 4", "[fit]".
    pub(super) name: String,
    /// What its `type` says, if it has one.
    pub(super) kind: Option<String>,
    /// Where a missing key is best shown.
    pub(super) head: Option<Range<usize>>,
    /// The keys that the caller reads itself.
    pub(super) common: &'static [&'static str],
}

impl Place {
    pub(super) fn title(&self) -> String {
        match &self.kind {
            Some(kind) => format!("{} ({})", self.name, quoted(kind, "")),
            None => self.name.clone(),
        }
    }

    /// "in layer 4 (Dense)", "in `optimizer` of [compile]".
    fn inside(&self, outer: &[Step]) -> String {
        let keys: Vec<&str> = outer.iter().rev().filter_map(|step| step.key.as_deref()).collect();
        if keys.is_empty() {
            self.title()
        } else {
            let of =
                if self.name.is_empty() { String::new() } else { format!(" of {}", self.title()) };
            format!("`{}`{of}", keys.join("."))
        }
    }
}

/// Text from a file, safe to show: control characters escaped, at most 80 characters.
pub(super) fn quoted(text: &str, mark: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    if escaped.chars().count() <= 80 {
        return format!("{mark}{escaped}{mark}");
    }
    format!("{mark}{}…{mark}", escaped.chars().take(79).collect::<String>())
}

/// The name probably meant in place of an unknown one.
pub(super) fn meant(fault: &Fault) -> Option<&'static str> {
    match &fault.kind {
        Kind::UnknownName { found, known } => {
            // Tables are listed among the names, but no name stands for one.
            nearest(found, known.iter().copied().filter(|known| !known.starts_with('{')))
        }
        _ => None,
    }
}

/// The diagnostic for a fault.
pub(super) fn explain(fault: &Fault, place: &Place, source: &Source) -> Diagnostic {
    let step = fault.trail.first();
    match &fault.kind {
        Kind::UnknownKey { found, known } => unknown_key(fault, found, known, place),
        Kind::UnknownName { found, known } => unknown_name(fault, found, known, place),
        Kind::Missing { field, .. } => {
            let owner = place.inside(&fault.trail);
            let span = if fault.trail.is_empty() { place.head.clone() } else { fault.span.clone() };
            Diagnostic::error("M005", format!("{owner} needs `{field}`"))
                .at(span)
                .with_label(format!("`{field}` is missing"))
        }
        Kind::MissingType { known, .. } => {
            let owner = place.inside(&fault.trail);
            let span = if fault.trail.is_empty() { place.head.clone() } else { fault.span.clone() };
            Diagnostic::error("M005", format!("{owner} has no `type`"))
                .at(span)
                .with_label("which one is it?")
                .with_help(format!("add type = \"…\", one of {}", listing(known)))
        }
        Kind::Wrong { expected, hint } => {
            let found = shown(step, source);
            let mut advice = help(*hint, step, &found);
            if let Some(near) =
                nearest(found.trim_matches('"'), expected.split('"').skip(1).step_by(2))
            {
                advice = format!("did you mean \"{near}\"?");
            }
            let label = format!("expected {expected}");
            wrong_value("M006", fault, place, source).with_label(label).with_help(advice)
        }
        Kind::Custom(text) => {
            let noun = ["a ", "an ", "one "].iter().any(|article| text.starts_with(article));
            let label = if noun { format!("expected {text}") } else { text.clone() };
            wrong_value("M007", fault, place, source).with_label(label)
        }
    }
}

/// The value at fault, as it stands in the file.
fn shown(step: Option<&Step>, source: &Source) -> String {
    step.map_or_else(String::new, |step| quoted(&source.text()[step.value.clone()], ""))
}

fn wrong_value(code: &'static str, fault: &Fault, place: &Place, source: &Source) -> Diagnostic {
    let step = fault.trail.first();
    let outer = fault.trail.get(1..).unwrap_or_default();
    let found = shown(step, source);
    let context = place.inside(outer);
    let context = if context.is_empty() { context } else { format!(" in {context}") };
    let message = match step.and_then(|step| step.key.as_deref()) {
        Some(key) => format!("`{key}` cannot be {found}{context}"),
        None if found.is_empty() => format!("a wrong value{context}"),
        None => format!("{found} does not belong there{context}"),
    };
    Diagnostic::error(code, message).at(underline(step, source))
}

fn unknown_key(fault: &Fault, found: &str, known: &[&'static str], place: &Place) -> Diagnostic {
    let outer = fault.trail.get(1..).unwrap_or_default();
    let mut keys: Vec<&str> = Vec::new();
    if outer.is_empty() {
        keys.extend(place.kind.as_ref().map(|_| "type"));
        keys.extend(place.common);
    }
    keys.extend(known);
    let message = format!("unknown key {} in {}", quoted(found, "`"), place.inside(outer));
    let label = nearest(found, keys.iter().copied()).map_or_else(
        || "not a key of this table".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let list = if keys.is_empty() {
        "it takes no keys".to_owned()
    } else {
        format!("its keys are {}", listing(&keys))
    };
    Diagnostic::error("M003", message).at(fault.span.clone()).with_label(label).with_note(list)
}

fn unknown_name(fault: &Fault, found: &str, known: &[&'static str], place: &Place) -> Diagnostic {
    let found = quoted(found, "\"");
    let step = fault.trail.first();
    let outer = fault.trail.get(1..).unwrap_or_default();
    let message = match step.and_then(|step| step.key.as_deref()) {
        Some("type") if outer.is_empty() => format!("{} has an unknown type {found}", place.name),
        Some(key) => format!("unknown {key} {found} in {}", place.inside(outer)),
        None => format!("unknown name {found} in {}", place.inside(outer)),
    };
    let label = meant(fault)
        .map_or_else(|| "no such name".to_owned(), |near| format!("did you mean \"{near}\"?"));
    let span = step.map(|step| step.entry.clone()).or_else(|| place.head.clone());
    Diagnostic::error("M004", message)
        .at(span)
        .with_label(label)
        .with_note(format!("known: {}", listing(known)))
}

/// The whole entry where it fits on a line, else its key.
fn underline(step: Option<&Step>, source: &Source) -> Option<Range<usize>> {
    step.map(|step| {
        let one_line = !source.text()[step.entry.clone()].contains('\n');
        let key_end = step.key.as_ref().map_or(step.entry.end, |key| step.entry.start + key.len());
        if one_line { step.entry.clone() } else { step.entry.start..key_end.min(step.entry.end) }
    })
}

fn help(hint: Hint, step: Option<&Step>, found: &str) -> String {
    let write = |value: String| match step.and_then(|step| step.key.as_deref()) {
        Some(key) => format!("{key} = {value}"),
        None => value,
    };
    match hint {
        Hint::None => String::new(),
        Hint::Unquote => {
            format!("without quotes: {}", write(found.trim_matches(['"', '\'']).trim().to_owned()))
        }
        Hint::Whole => format!(
            "without the point: {}",
            write(found.split('.').next().unwrap_or(found).to_owned())
        ),
        Hint::Bracket => format!("write {}", write(format!("[{found}]"))),
    }
}
