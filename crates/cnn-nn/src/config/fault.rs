//! The deserializer's own error: what serde knew when it gave up, kept as structure, with the place in the file.

use serde::de::{self, Expected, Unexpected};
use std::fmt::{self, Display};
use std::ops::Range;

/// What was wrong, before it is put into words.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A key that the table does not have.
    UnknownKey { found: String, known: &'static [&'static str] },
    /// A name that is none of a fixed set.
    UnknownName { found: String, known: &'static [&'static str] },
    /// A required key is absent.
    Missing { field: &'static str, table: usize },
    /// A table that needs `type = "…"` to say what it is.
    MissingType { known: &'static [&'static str] },
    /// Another type than expected, or a value outside the range.
    Wrong { expected: String, hint: Hint },
    /// What a spec's own check said.
    Custom(String),
}

/// What to try instead of a wrong value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hint {
    #[default]
    None,
    /// A number in quotes.
    Unquote,
    /// `64.0` for a whole number.
    Whole,
    /// One value where a list belongs.
    Bracket,
}

/// One enclosing key or list element, innermost first in [`Fault::trail`].
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Identity of the value: its address in the document.
    pub(super) id: usize,
    /// The key; `None` for an element of a list.
    pub(super) key: Option<String>,
    /// The value.
    pub(super) value: Range<usize>,
    /// From the key to the end of the value; the value alone for an element.
    pub(super) entry: Range<usize>,
}

/// An error on its way up.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// The place, where it is not simply the innermost step.
    pub(super) span: Option<Range<usize>>,
    pub(super) trail: Vec<Step>,
}

impl Fault {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, span: None, trail: Vec::new() }
    }

    pub(super) fn wrong(expected: impl Into<String>, hint: Hint) -> Self {
        Self::new(Kind::Wrong { expected: expected.into(), hint })
    }

    pub(super) fn inside(mut self, step: impl FnOnce() -> Step) -> Self {
        self.trail.push(step());
        self
    }

    /// Says which table a missing key belongs to, unless an inner table has said so.
    pub(super) fn in_table(mut self, id: usize, span: &Range<usize>) -> Self {
        if let Kind::Missing { table: table @ 0, .. } = &mut self.kind {
            *table = id;
            self.span = Some(span.clone());
        }
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::UnknownKey { found, .. } => write!(f, "unknown key {found}"),
            Kind::UnknownName { found, .. } => write!(f, "unknown name {found}"),
            Kind::Missing { field, .. } => write!(f, "missing {field}"),
            Kind::MissingType { .. } => write!(f, "missing type"),
            Kind::Wrong { expected, .. } => write!(f, "expected {expected}"),
            Kind::Custom(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(text: T) -> Self {
        Self::new(Kind::Custom(text.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(plain_words(&expected.to_string()), Hint::None)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(plain_words(&expected.to_string()), Hint::None)
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::wrong(plain_words(&expected.to_string()), Hint::None)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownName { found: found.to_owned(), known })
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey { found: found.to_owned(), known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing { field, table: 0 })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Kind::Custom(format!("`{field}` is given twice, once under another name")))
    }
}

/// serde's words for a type, in the words of a person who writes TOML.
fn plain_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65,535".to_owned(),
        "u32" => "a whole number from 0 to 4,294,967,295".to_owned(),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list in square brackets".to_owned(),
        "a map" => "a table".to_owned(),
        nonzero if nonzero.starts_with("a nonzero") => "a whole number, 1 or more".to_owned(),
        other => match (other.strip_prefix("an array of length "), other.strip_prefix("struct ")) {
            (Some(n), _) => format!("a list of {n}"),
            (_, Some(_)) => "a table".to_owned(),
            _ => other
                .strip_prefix("enum ")
                .map_or_else(|| other.to_owned(), |_| "a name in quotes".to_owned()),
        },
    }
}
