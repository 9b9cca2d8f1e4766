//! A model as plain data, and its form as TOML.

use super::build::problems_of;
use crate::config::write::{Node, Toml, WriteError, node};
use crate::config::{Diagnostic, Diagnostics, Document};
use crate::layers::LayerSpec;
use serde::{Deserialize, Serialize};

/// The top-level keys and sections of a model file. This crate reads the first three; training reads the others.
pub const TOP_LEVEL: [&str; 6] = ["name", "input", "layers", "compile", "fit", "callbacks"];

/// A model as a person describes it. Nothing in it is checked yet; [`ModelSpec::build`] does that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// Shown in the summary; Keras's `sequential` if absent.
    pub name: Option<String>,
    /// Shape of one sample without the batch axis: `[height, width, channels]` for images.
    pub input: Vec<usize>,
    /// The layers, from the input to the output.
    pub layers: Vec<LayerEntry>,
}

/// One layer of a [`ModelSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerEntry {
    /// Unique in the model; `conv2d`, `conv2d_1`, … if absent.
    pub name: Option<String>,
    /// What it is.
    pub spec: LayerSpec,
}

impl<T: Into<LayerSpec>> From<T> for LayerEntry {
    fn from(spec: T) -> Self {
        Self { name: None, spec: spec.into() }
    }
}

impl ModelSpec {
    /// A model without a name, its layers named as Keras does: for layers that are in a list already. To write a model layer by
    /// layer, see [`super::Sequential`].
    pub fn new(input: impl Into<Vec<usize>>, layers: impl IntoIterator<Item = LayerSpec>) -> Self {
        Self {
            name: None,
            input: input.into(),
            layers: layers.into_iter().map(LayerEntry::from).collect(),
        }
    }

    /// Reads `name`, `input` and `[[layers]]` of a model file; the other known sections are left alone. `file` is what
    /// messages call it.
    ///
    /// # Errors
    /// All mistakes of syntax, keys, types and values in one run. Shapes are checked by [`ModelSpec::build`];
    /// [`ModelSpec::read`] does both.
    pub fn from_toml(file: &str, text: &str) -> Result<(Self, Diagnostics), Diagnostics> {
        let (document, mut found) = Document::parse(file, text);
        document.unknown_top_level(&TOP_LEVEL, &mut found);
        let spec = Self::from_document(&document, &mut found);
        match spec {
            Some(spec) if !found.has_errors() => Ok((spec, found)),
            _ => Err(found),
        }
    }

    /// The model's part of a file that others read too. `None` after an error, which is in `found`.
    pub fn from_document(document: &Document, found: &mut Diagnostics) -> Option<Self> {
        let before = found.error_count();
        let name = document.value::<String>("name", found);
        let input = document.value::<Vec<usize>>("input", found);
        if input.is_none() && !document.has("input") && !document.misspelt("input") {
            let error = Diagnostic::error("M012", "the file has no `input`");
            document.report(
                found,
                error.with_help(
                    "add a line such as input = [28, 28, 1] (height, width, channels) at the top",
                ),
            );
        }
        let items = document.typed_list::<LayerSpec>("layers", &["name"], found);
        if items.is_empty() && found.error_count() == before && !document.misspelt("layers") {
            let error =
                Diagnostic::error("M013", "the model has no layers").at(document.span("layers"));
            document.report(
                found,
                error.with_help(
                    "add tables that begin with [[layers]] and a line such as type = \"Flatten\"",
                ),
            );
        }
        let entry = |item: crate::config::Item<LayerSpec>| {
            let name = item.common.into_iter().next().flatten();
            item.value.or(item.draft).map(|spec| LayerEntry { name, spec })
        };
        let layers: Vec<Option<LayerEntry>> = items.into_iter().map(entry).collect();
        if found.error_count() > before {
            // A lost line may have been a layer: what comes behind it cannot be judged.
            if let Some(input) = input.filter(|_| document.is_whole()) {
                for problem in problems_of(&input, &layers) {
                    document.report(found, problem.diagnostic(document));
                }
            }
            return None;
        }
        Some(Self { name, input: input?, layers: layers.into_iter().collect::<Option<_>>()? })
    }

    /// Reads and builds the model of a file in one go, with its warnings.
    ///
    /// # Errors
    /// All mistakes of the file, those of the shapes among them, each with its place.
    pub fn read(file: &str, text: &str) -> Result<(super::Model, Diagnostics), Diagnostics> {
        let (document, mut found) = Document::parse(file, text);
        document.unknown_top_level(&TOP_LEVEL, &mut found);
        let Some(spec) = Self::from_document(&document, &mut found) else { return Err(found) };
        let problems = match spec.build() {
            Ok(model) if !found.has_errors() => {
                found.extend(
                    super::lint(&model).iter().map(|problem| problem.diagnostic(&document)),
                );
                return Ok((model, found));
            }
            Ok(_) => Vec::new(),
            Err(failure) => failure.problems,
        };
        for problem in problems {
            document.report(&mut found, problem.diagnostic(&document));
        }
        Err(found)
    }

    /// The model's part of a model file; reads back to an equal spec.
    ///
    /// # Errors
    /// None for the layers of this crate; a layer whose spec is not a table of plain values.
    pub fn to_toml(&self) -> Result<String, WriteError> {
        Ok(self.write(Toml::default())?.into_string())
    }

    /// Adds the model's part to a file that others write too. Call it first: `name` and `input` stand above all sections.
    ///
    /// # Errors
    /// As [`ModelSpec::to_toml`].
    pub fn write(&self, file: Toml) -> Result<Toml, WriteError> {
        let layers = self.layers.iter().map(LayerEntry::node).collect::<Result<Vec<_>, _>>()?;
        Ok(file
            .value("name", &node(&self.name)?)
            .value("input", &node(&self.input)?)
            .list("layers", &layers))
    }
}

impl LayerEntry {
    fn node(&self) -> Result<Node, WriteError> {
        let spec = node(&self.spec)?;
        match &self.name {
            Some(name) => Ok(spec.with_key("name", node(name)?)),
            None => Ok(spec),
        }
    }
}
