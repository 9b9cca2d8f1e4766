//! What is wrong with a model as a whole or with one of its layers.

use crate::config::{Diagnostic, Document, Severity};
use std::fmt;

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The model's name.
    Name,
    /// The input shape.
    Input,
    /// The list of layers.
    Layers,
    /// One layer, counted from 0, and the key at fault, if it is one.
    Layer {
        /// Position in the model.
        index: usize,
        /// Key of the layer's table.
        key: Option<&'static str>,
    },
    /// The loss, and the key at fault, if it is one.
    Loss {
        /// Key of the loss's table.
        key: Option<&'static str>,
    },
}

/// An error or a warning about a model, before it is tied to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// What it is about.
    pub at: At,
    /// Stable code, `M0xx`.
    pub code: &'static str,
    /// What is wrong, with the numbers; names the layer.
    pub message: String,
    /// Text for the caret; may be empty.
    pub label: String,
    /// Background; may be empty.
    pub note: String,
    /// What would work; may be empty.
    pub hint: String,
}

impl Problem {
    pub(super) fn error(at: At, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            at,
            code,
            message: message.into(),
            label: String::new(),
            note: String::new(),
            hint: String::new(),
        }
    }

    pub(super) fn warning(at: At, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, code, message) }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The problem with its place in the file that the model came from: the key at fault, else the layer's `type`.
    pub fn diagnostic(&self, document: &Document) -> Diagnostic {
        let path = match self.at {
            At::Name => "name".to_owned(),
            At::Input => "input".to_owned(),
            At::Layers => "layers".to_owned(),
            At::Loss { key } => {
                let path = format!("compile.loss.{}", key.unwrap_or("type"));
                let there = document.locate(&path).is_some();
                if there { path } else { "compile.loss".to_owned() }
            }
            At::Layer { index, key } => {
                let table = format!("layers.{index}");
                let keys = [key.unwrap_or("type"), "type"];
                let present = keys
                    .iter()
                    .map(|key| format!("{table}.{key}"))
                    .find(|path| document.locate(path).is_some());
                present.unwrap_or(table)
            }
        };
        let mut diagnostic = Diagnostic::error(self.code, &*self.message)
            .at(document.span(&path))
            .with_label(&*self.label);
        diagnostic.severity = self.severity;
        if !self.note.is_empty() {
            diagnostic = diagnostic.with_note(&*self.note);
        }
        diagnostic.with_help(&*self.hint)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        for more in [&self.note, &self.hint].into_iter().filter(|text| !text.is_empty()) {
            write!(f, "; {more}")?;
        }
        Ok(())
    }
}
