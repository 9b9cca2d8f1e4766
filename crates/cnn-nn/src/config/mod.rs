//! Reading TOML files that people write: every mistake with its place, all of them in one run.
//!
//! [`Document`] parses a file once; each part of the program reads its own sections from it into serde types
//! (`#[serde(deny_unknown_fields)]`, defaults, externally tagged enums). A table with `type = "Adam"`, or just `"adam"`,
//! chooses the variant of an enum. Mistakes are [`Diagnostic`]s with byte spans; nothing here prints.
//! The module [`write`](mod@write) is the way back.

mod diagnostic;
mod document;
mod elsewhere;
mod fault;
mod lower;
mod patch;
mod raw;
mod suggest;
mod syntax;
mod tree;
mod words;
pub mod write;

pub use diagnostic::{Diagnostic, Diagnostics, Severity, Source};
pub use document::{Document, Item, Located, MAX_ITEMS};
pub use raw::RawEntry;
pub use suggest::nearest;
pub use syntax::MAX_BYTES;
pub use tree::MAX_DEPTH;
